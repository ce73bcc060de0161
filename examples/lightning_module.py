"""The same with Lightning: python examples/lightning_module.py"""

import logging
import warnings

import pytorch_lightning as pl
import torch
from data import tumours
from torch.utils.data import DataLoader, TensorDataset

import metricloss as ml

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", ".*does not have many workers.*")
warnings.filterwarnings("ignore", ".*LeafSpec.*")

F1 = ml.compile("f1", "torch")


class Classifier(pl.LightningModule):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.model = torch.nn.Sequential(torch.nn.Linear(features, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
        self.criterion = F1.F1Loss()
        self.counts = torch.zeros(4)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        x, y = batch
        return self.criterion(self.model(x)[:, 0], y)

    def on_validation_epoch_start(self) -> None:
        self.counts = torch.zeros(4)

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        x, y = batch
        # Counts of batches add up to those of all; scores of batches do not.
        self.counts += torch.stack(F1.counts(self.model(x)[:, 0], y))

    def on_validation_epoch_end(self) -> None:
        self.log("val_f1", F1.metric.at(*self.counts.tolist()))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


pl.seed_everything(0, verbose=False)
x_train, x_test, y_train, y_test = map(torch.from_numpy, tumours())
trainer = pl.Trainer(
    max_epochs=60, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False,
)  # fmt: skip
trainer.fit(
    Classifier(x_train.shape[1]),
    DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True, drop_last=True),
    DataLoader(TensorDataset(x_test, y_test), batch_size=64),
)
print(f"F1 on held-out data {trainer.callback_metrics['val_f1']:.3f}")
