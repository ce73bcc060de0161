"""A plain PyTorch loop that trains on F1: python examples/torch_loop.py"""

import torch
from data import tumours

import metricloss as ml

torch.manual_seed(0)
x_train, x_test, y_train, y_test = map(torch.from_numpy, tumours())
f1 = ml.compile("f1", "torch")
criterion = f1.F1Loss()
print(criterion)

model = torch.nn.Sequential(torch.nn.Linear(x_train.shape[1], 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(60):
    for rows in torch.randperm(len(x_train)).split(64)[:-1]:  # the last has few entries
        optimizer.zero_grad()
        loss = criterion(model(x_train[rows])[:, 0], y_train[rows])
        loss.backward()
        optimizer.step()
    if epoch % 20 == 19:
        with torch.no_grad():
            score = f1.score(model(x_test)[:, 0], y_test)
        print(f"epoch {epoch + 1}: loss {loss.item():.3f} of a batch, F1 on held-out data {score.item():.3f}")
