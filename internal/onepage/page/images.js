// Images, as a classifier reads them: a row of pixels from 0 to 1 in each step.

// imagesOf are the images that were chosen.
async function imagesOf() {
  const files = [...byId("images-file").files];
  if (!files.length) throw new Error("Choose an image first.");
  return Promise.all(files.map(pixelsOf));
}

// pixelsOf is an image as wide as those that the model has learned, gray, and white where it is transparent.
async function pixelsOf(file) {
  const image = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no image that this browser knows.`);
  });
  const width = settings.columns, height = Math.max(1, Math.round(image.height * width / image.width));
  const label = `What the model reads of ${file.name}: ${height} rows of ${width} pixels`;
  const picture = el("canvas", {width, height, class: "read", role: "img", "aria-label": label});
  const to = picture.getContext("2d");
  to.fillStyle = "white";
  to.fillRect(0, 0, width, height);
  to.imageSmoothingQuality = "high";
  to.drawImage(image, 0, 0, width, height);
  const pixels = to.getImageData(0, 0, width, height), data = new Float32Array(width * height);
  data.forEach((_, i) => {
    const [r, g, b] = pixels.data.subarray(4 * i);
    const gray = Math.round(0.299 * r + 0.587 * g + 0.114 * b), shade = byId("invert").checked ? 255 - gray : gray;
    pixels.data.set([shade, shade, shade], 4 * i);
    data[i] = shade / 255;
  });
  to.putImageData(pixels, 0, 0);
  return {data, steps: height, picture};
}
