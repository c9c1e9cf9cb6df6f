// The map's colors, from the style sheet, and its pictures in those colors.

const NAMES = {
  guide: "--guide", courier: "--courier", person: "--person", text: "--text", bad: "--bad", warn: "--warn", wait: "--wait", stop: "--stop", lane: "--map-lane",
  place: "--map-place", zone: "--map-zone", halo: "--map-halo", floor: "--map-floor", wall: "--map-wall", open: "--map-door-open", closed: "--map-door-closed",
};
const FREE = 100; // shades of the server's pictures: 0 unknown, 128 free, 255 occupied
const OCCUPIED = 200;

export function readColors() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(Object.entries(NAMES).map(([name, property]) => [name, style.getPropertyValue(property).trim()]));
}

/** Return a canvas with the level's picture: floor and walls in their colors, what is unknown left clear. */
export async function colorPicture(url, colors) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height);
  const [floor, wall] = [numbers(colors.floor), numbers(colors.wall)];
  for (let index = 0; index < data.data.length; index += 4) {
    const shade = data.data[index];
    const color = shade >= OCCUPIED ? wall : floor;
    data.data[index] = color[0];
    data.data[index + 1] = color[1];
    data.data[index + 2] = color[2];
    data.data[index + 3] = shade >= FREE ? 255 : 0;
  }
  context.putImageData(data, 0, 0);
  return canvas;
}

const numbers = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
