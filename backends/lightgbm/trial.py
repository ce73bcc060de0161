"""What `metricloss check` and `metricloss demo` do with a loss for LightGBM: as with one for XGBoost."""
