"""Writes image.safetensors: small image files with the pixels Pillow decodes and resizes, and
torchvision's input transform. README.md names the tensors and versions."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file
from torchvision import transforms

RESIZES = [(7, 5), (5, 17), (40, 31), (23, 6), (1, 1), (64, 17)]
SAMPLE_STRIDE = 97


def picture(width, height, noise=60):
    """A gradient with noise, so that both smooth areas and sharp edges occur."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 127 + 127 * np.sin(0.7 * x + 0.3 * y)
    ramps = np.stack([255 * x / width, 255 * y / height, waves], axis=-1)
    jitter = np.random.default_rng(7).integers(-noise, noise + 1, ramps.shape)
    return Image.fromarray(np.clip(ramps + jitter, 0, 255).astype(np.uint8))


def encoded_files():
    image = picture(19, 13)
    cases = {
        "jpeg_420": (image, "JPEG", dict(quality=85, subsampling="4:2:0")),
        "jpeg_422": (image, "JPEG", dict(quality=85, subsampling="4:2:2")),
        "jpeg_444_progressive": (
            image, "JPEG", dict(quality=95, subsampling="4:4:4", progressive=True)),
        "jpeg_grey": (image.convert("L"), "JPEG", {}),
        "jpeg_cmyk": (image.convert("CMYK"), "JPEG", dict(quality=95)),
        "png_rgb": (image, "PNG", {}),
        "png_palette": (image.quantize(16), "PNG", {}),
        "png_grey": (image.convert("L"), "PNG", {}),
        "png_bilevel": (image.convert("1"), "PNG", {}),
        "png_alpha": (Image.merge("RGBA", (*image.split(), image.convert("L"))), "PNG", {}),
    }
    for name, (source, kind, options) in cases.items():
        buffer = io.BytesIO()
        source.save(buffer, kind, **options)
        yield name, buffer.getvalue()


def input_values(image):
    transform = transforms.Compose([
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])
    return transform(image).numpy()


def main():
    tensors = {}
    for name, data in encoded_files():
        tensors[f"decode.{name}.file"] = np.frombuffer(data, np.uint8)
        tensors[f"decode.{name}.pixels"] = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    source = picture(23, 17)
    tensors["resize.source"] = np.asarray(source)
    for width, height in RESIZES:
        resized = source.resize((width, height), Image.Resampling.BILINEAR)
        tensors[f"resize.to.{width}x{height}"] = np.asarray(resized)

    # Margins 35 and 57 check the rounding of the crop's corner: 17.5 goes to 18, 28.5 to 28.
    for width, height in [(17, 17), (77, 76), (80, 79), (61, 67)]:
        image = picture(width, height)
        tensors[f"input.{width}x{height}.source"] = np.asarray(image)
        sample = input_values(image).reshape(-1)[::SAMPLE_STRIDE]
        tensors[f"input.{width}x{height}.sample"] = np.ascontiguousarray(sample)

    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    target = Path(__file__).with_name("image.safetensors")
    save_file(tensors, target)
    target.chmod(0o644)


if __name__ == "__main__":
    main()
