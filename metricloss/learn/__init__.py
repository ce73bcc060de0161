"""Losses that are learned: they rank batches as a metric does, whatever the metric is made of.

`relaxation` learns what stands in for the hard decision, `surrogate` a loss of whole batches; `load` reads back
what either has saved. Learning needs pip install 'metricloss[learn]'; what was learned needs nothing of that.

Source: Huang et al., Relational surrogate loss learning, ICLR 2022.
"""

from __future__ import annotations

from metricloss.learn.learned import LearnedRelaxation as LearnedRelaxation
from metricloss.learn.learning import relaxation as relaxation
from metricloss.learn.learning import surrogate as surrogate
from metricloss.learn.saved import load as load
