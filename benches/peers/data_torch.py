#!/usr/bin/env python3
"""Times torchvision's usual training transforms with PIL in a DataLoader; the peer of `kiln bench --mode data`. Prints one JSON object.

pip install torch torchvision pillow
data_torch.py --pictures FOLDER --workers 2 --batch 16 --steps 5 [--interpolation bicubic] [--draft off|size|crop] [--policy standard]

RandomResizedCrop(224, scale (0.08, 1), ratio (3/4, 4/3)), RandomHorizontalFlip, ToTensor, Normalize. --policy standard is what kiln's
policy of that name does, in its order: the crop's scale from 0.35, the flip, RandomRotation(10, bilinear), ColorJitter(0.2, 0.2, 0.2), and
behind Normalize RandomErasing(0.1) with the mean colour. Corners stay black: torchvision has no mirrored ones. --draft size has libjpeg
decode at the smallest scale that still covers the network's input, as Image.draft is mostly used: small crops are then
blurred. --draft crop draws the crop first and has libjpeg keep that much of it.
One pass over the folder before the timed ones does not count; workers stay alive between passes."""
import argparse, json, pathlib, resource, statistics, time
import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import functional as F

MODES = dict(bilinear=T.InterpolationMode.BILINEAR, bicubic=T.InterpolationMode.BICUBIC)
SCALES = dict(usual=(0.08, 1.0), light=(0.6, 1.0), standard=(0.35, 1.0))
RATIO = (3 / 4, 4 / 3)


def after(policy):
    """What follows the crop."""
    bent = [T.RandomRotation(10, T.InterpolationMode.BILINEAR), T.ColorJitter(0.2, 0.2, 0.2)]
    erased = [T.RandomErasing(0.1, (0.02, 0.33), (0.3, 3.3), value=0)]
    normalised = [T.ToTensor(), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    standard = policy == "standard"
    return T.Compose([T.RandomHorizontalFlip(), *bent * standard, *normalised, *erased * standard])


class Pictures(torch.utils.data.Dataset):
    def __init__(self, files, size, mode, draft, policy):
        self.files, self.size, self.mode, self.draft = files, size, mode, draft
        self.after, self.scale = after(policy), SCALES[policy]
        self.crop = T.RandomResizedCrop(size, scale=self.scale, ratio=RATIO, interpolation=mode)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, number):
        with open(self.files[number], "rb") as file:
            picture = Image.open(file)
            if self.draft == "crop":
                return self.after(self.drafted_crop(picture)), 0
            if self.draft == "size":
                picture.draft("RGB", (self.size, self.size))
            return self.after(self.crop(picture.convert("RGB"))), 0

    def drafted_crop(self, picture):
        width, height = picture.size
        top, left, h, w = T.RandomResizedCrop.get_params(picture, self.scale, RATIO)
        scale = self.size / min(w, h)
        picture.draft("RGB", (int(width * scale) + 1, int(height * scale) + 1))
        x, y = picture.size[0] / width, picture.size[1] / height
        box = [round(top * y), round(left * x), max(round(h * y), 1), max(round(w * x), 1)]
        return F.resized_crop(picture.convert("RGB"), *box, [self.size, self.size], self.mode)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--pictures", required=True)
    a.add_argument("--workers", type=int, default=2)
    a.add_argument("--batch", type=int, default=16)
    a.add_argument("--steps", type=int, default=5)
    a.add_argument("--side", type=int, default=224)
    a.add_argument("--interpolation", default="bilinear", choices=list(MODES))
    a.add_argument("--draft", default="off", choices=["off", "size", "crop"])
    a.add_argument("--policy", default="usual", choices=list(SCALES))
    o = a.parse_args()
    torch.set_num_threads(1)
    files = sorted(pathlib.Path(o.pictures).rglob("*.jpg"))
    loader = torch.utils.data.DataLoader(
        Pictures(files, o.side, MODES[o.interpolation], o.draft, o.policy), batch_size=o.batch, num_workers=o.workers,
        persistent_workers=o.workers > 0)
    ms = []
    for number in range(o.steps + 1):
        started = time.perf_counter()
        for batch, _ in loader:
            pass
        if number > 0:
            ms.append((time.perf_counter() - started) * 1e3)
    median = statistics.median(ms)
    print(json.dumps(dict(
        mode="data", layout=f"draft {o.draft}, {o.policy}", pictures=len(files), workers=o.workers, ms=ms, median_ms=median,
        pictures_per_second=len(files) / median * 1e3,
        peak_rss_mib=max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024)))


if __name__ == "__main__":
    main()
