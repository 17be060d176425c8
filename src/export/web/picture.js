// From a file to the bytes that the network takes: decoded upright by the browser, then cut and resized as kiln and Pillow do it,
// never by the browser's own scaling, which differs from one to the next.

// Phones refuse larger canvases. What is larger is halved by the browser until it fits; it stays far finer than any network needs.
const LARGEST = 16_000_000;

// Pillow's sums are of integers with so many bits behind the point, so that ties round as they do there.
const BITS = 22;
const HALF = 1 << (BITS - 1);

// Pixels that a kernel reaches to either side, in pixels of the coarser picture; and how much one counts.
const KERNELS = {
  bilinear: { support: 1, weight: (x) => Math.max(1 - Math.abs(x), 0) },
  bicubic: {
    support: 2,
    weight: (place) => {
      const x = Math.abs(place);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((2.5 - 0.5 * x) * x - 4) * x + 2 : 0;
    },
  },
};

// Red, green and blue of the square that the network sees.
export async function seen(file, preprocess) {
  const picture = await decoded(file, preprocess.background);
  return prepared(picture, preprocess);
}

async function decoded(file, background) {
  const options = { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none" };
  let bitmap = await createImageBitmap(file, options);
  while (bitmap.width * bitmap.height > LARGEST) {
    const half = { resizeWidth: Math.ceil(bitmap.width / 2), resizeHeight: Math.ceil(bitmap.height / 2), resizeQuality: "high" };
    const smaller = await createImageBitmap(bitmap, half);
    bitmap.close();
    bitmap = smaller;
  }
  const { width, height } = bitmap;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = `rgb(${background.join(",")})`;
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

// Exported for tests.
export function prepared({ width, height, data }, { size, resize, interpolation }) {
  const [wide, high] = resized(width, height, resize);
  const [x, y] = [stretch(width, wide, size), stretch(height, high, size)];
  const kernel = KERNELS[interpolation];
  const across = weights(x.start, x.length, x.kept, width, kernel);
  const down = weights(y.start, y.length, y.kept, height, kernel);
  const first = down[0].first;
  const last = down.reduce((end, one) => Math.max(end, one.first + one.values.length), 0);
  const band = blendRows(data, width, first, last, across);
  const kept = blendColumns(band, x.kept, first, down);
  return framed(kept, x, y, size);
}

// Width and height after resizing; the longer edge is rounded down.
function resized(width, height, { shorter, squash }) {
  if (squash) return [squash, squash];
  return width <= height ? [shorter, Math.trunc((shorter * height) / width)] : [Math.trunc((shorter * width) / height), shorter];
}

// One axis: `kept` pixels, made of `start` and `length` of the source, after `border` black ones.
function stretch(source, resized, size) {
  const kept = Math.min(resized, size);
  const scale = source / resized;
  return { start: roundToEven((resized - kept) / 2) * scale, length: kept * scale, kept, border: Math.trunc((size - kept) / 2) };
}

function roundToEven(value) {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

// For each new pixel, the first old one that it is made of and how much each counts. The kernel widens when a picture shrinks.
function weights(start, length, count, limit, { support, weight }) {
  const scale = length / count;
  const wider = Math.max(scale, 1);
  const reach = support * wider;
  return Array.from({ length: count }, (_, index) => {
    const middle = start + (index + 0.5) * scale;
    const first = Math.max(Math.trunc(middle - reach + 0.5), 0);
    const end = Math.min(Math.trunc(middle + reach + 0.5), limit);
    const values = Float64Array.from({ length: end - first }, (_, at) => weight((first + at - middle + 0.5) / wider));
    const sum = values.reduce((a, b) => a + b, 0);
    return { first, values: Int32Array.from(values, (value) => Math.round((value / sum) * (1 << BITS))) };
  });
}

// Rows of RGBA from `first` to `last` at their new width, as RGB. Rounded to bytes, as Pillow rounds between its passes.
function blendRows(data, width, first, last, across) {
  const out = new Uint8ClampedArray((last - first) * across.length * 3);
  let to = 0;
  for (let row = first; row < last; row++) {
    for (const { first: left, values } of across) {
      let [red, green, blue] = [0, 0, 0];
      let from = (row * width + left) * 4;
      for (let at = 0; at < values.length; at++, from += 4) {
        const value = values[at];
        red += value * data[from];
        green += value * data[from + 1];
        blue += value * data[from + 2];
      }
      out[to++] = (red + HALF) >> BITS;
      out[to++] = (green + HALF) >> BITS;
      out[to++] = (blue + HALF) >> BITS;
    }
  }
  return out;
}

function blendColumns(band, width, first, down) {
  const line = width * 3;
  const out = new Uint8ClampedArray(down.length * line);
  const sums = new Float64Array(line);
  down.forEach(({ first: top, values }, row) => {
    sums.fill(0);
    values.forEach((value, at) => {
      const from = (top + at - first) * line;
      for (let i = 0; i < line; i++) sums[i] += value * band[from + i];
    });
    for (let i = 0; i < line; i++) out[row * line + i] = (sums[i] + HALF) >> BITS;
  });
  return out;
}

// In the middle of black, where the picture is smaller than the square.
function framed(kept, x, y, size) {
  const out = new Uint8Array(size * size * 3);
  for (let row = 0; row < y.kept; row++) {
    out.set(kept.subarray(row * x.kept * 3, (row + 1) * x.kept * 3), ((row + y.border) * size + x.border) * 3);
  }
  return out;
}
