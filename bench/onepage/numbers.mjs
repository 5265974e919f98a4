// Series and images for pages that read no texts: to train on, and to ask. Each case is what is put into the page, and
// the file in which the command reads the same: see check.mjs.
//
//	node numbers.mjs FOLDER    writes what is trained on
import {writeFileSync} from "node:fs";
import {deflateSync} from "node:zlib";

// random is a sequence of numbers from 0 to 1, always the same.
let state = 7;
const random = () => (state = state * 16807 % 2147483647) / 2147483647;
const range = n => [...Array(n).keys()];

// A series of shops: two columns, a price that is known in advance, a city, and days.
const head = "day,shop,city,sold,visits,price";
function shop(name, city, days, missing = -1) {
  return range(days + 7).map(d => {
    const price = d % 3, day = new Date(Date.UTC(2024, 0, 25 + d)).toISOString().slice(0, 10);
    const sold = d < days && d !== missing ? 20 - 3 * price + d % 7 + Math.floor(3 * random()) : "";
    return [day, name, city, sold, d < days ? 100 + 10 * (d % 7) + Math.floor(9 * random()) : "", price].join(",");
  });
}

const wave = (n, level) => range(n).map(t =>
  (level * (1 + 0.3 * Math.sin(t * Math.PI / 6) + 0.1 * random())).toFixed(2));

// A case of .ts: two channels that rise or fall, of a length of its own, with missing values.
function slopes(rises, n) {
  const value = (t, size) => t > 0 && random() < 0.1 ? "?" : (size * (rises ? t : n - t) + 5 * random()).toFixed(2);
  return [range(n - 1).map(t => value(t, 10)), range(n - 1).map(t => value(t, 1))].map(channel => [...channel, "3.5"]);
}
const tsHead = label => ["@problemName slopes", "@timeStamps false", "@missing true", "@univariate false",
  "@equalLength false", label, "@data\n"].join("\n");
const tsLine = (channels, label) => channels.map(c => c.join(",")).join(":") + ":" + label + "\n";

// An image of bars that lie or stand, 12 rows of 9 pixels.
const [height, width] = [12, 9];
const bars = stand => range(height * width).map(i =>
  ((stand ? i % width : Math.floor(i / width)) % 3 ? 0 : 200) + Math.floor(50 * random()));

function idx(magic, dims, bytes) {
  const header = Buffer.alloc(4 + 4 * dims.length);
  [magic, ...dims].forEach((n, i) => header.writeUInt32BE(n, 4 * i));
  return Buffer.concat([header, Buffer.from(bytes)]);
}
const idxImages = images => idx(0x803, [images.length, height, width], images.flat());

// crc32 is the check sum of PNG.
function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum >>> 1 ^ (sum & 1 && 0xedb88320);
  }
  return ~sum >>> 0;
}

function png(pixels) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]), n = Buffer.alloc(4), sum = Buffer.alloc(4);
    n.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([n, body, sum]);
  };
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size[8] = 8; // bits; gray
  const rows = range(height).map(r => Buffer.from([0, ...pixels.slice(r * width, (r + 1) * width)]));
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", size),
    chunk("IDAT", deflateSync(Buffer.concat(rows))), chunk("IEND", Buffer.alloc(0))]);
}

function writeTraining(folder) {
  const write = (name, data) => writeFileSync(`${folder}/${name}`, data);
  const shops = [...shop("a", "Rome", 60), ...shop("b", "Oslo", 50), ...shop("c", "Rome", 70)];
  write("shops.csv", [head, ...shops].join("\n") + "\n");
  const load = range(5).map(i => [`s${i}`, ...wave(60 + 6 * i, 10 * (i + 1))].join(","));
  write("load.csv", load.join("\n") + "\n");
  const cases = label => range(40).map(i => tsLine(slopes(i % 2, 5 + i % 6), label(i))).join("");
  write("slopes.ts", tsHead("@classLabel true up down") + cases(i => i % 2 ? "up" : "down"));
  write("lengths.ts", tsHead("@targetLabel true") + cases(i => 5 + i % 6));
  write("one.tsv", range(40).map(i => [i % 2, ...wave(12, i % 2 ? 5 : 1)].join("\t")).join("\n") + "\n");
  const images = range(60).map(i => bars(i % 2));
  write("train-images-idx3-ubyte", idxImages(images));
  write("train-labels-idx1-ubyte", idx(0x801, [60], range(60).map(i => i % 2)));
}

// asked are the cases of a run. The file for the command has the data; choose are the numbers of categories.
export function asked(name) {
  if (name === "shops") {
    return [["Rome", 1, 60], ["Oslo", 0, 9], ["Oslo", 0, 35], ["Rome", 1, 40]].map(([city, category, days], i) => {
      const text = [head, ...shop("x", city, days, i && days - 3)].join("\n") + "\n";
      return {text, file: "shop.csv", data: text, choose: [category]};
    });
  }
  if (name === "load" || name === "counts") {
    return [[40, 3], [5, 700], [1, 12], [130, 0.5]].map(([n, level]) => {
      const values = wave(n, level).map(x => name === "counts" ? Math.ceil(x) : x);
      if (n > 9) values[n - 5] = "";
      return {text: values.join(n % 2 ? "\n" : ", "), file: "series.csv", data: ["x", ...values].join(",") + "\n"};
    });
  }
  if (name === "one") {
    return [wave(12, 5), wave(12, 1), wave(12, 2)].map(values =>
      ({text: values.join(" "), file: "one.tsv", data: [0, ...values].join("\t") + "\n"}));
  }
  if (name === "images") {
    return [bars(0), bars(1), bars(1)].map(pixels =>
      ({image: png(pixels), file: "asked-images-idx3-ubyte", data: idxImages([pixels])}));
  }
  return range(6).map(i => {
    const channels = slopes(i % 2, 3 + 2 * i), rows = channels[0].map((x, t) => [x, channels[1][t]]);
    const [label, own] = name === "lengths" ? ["@targetLabel true", 1] : ["@classLabel true up down", "up"];
    return {text: rows.map(row => row.join(i % 3 ? "," : "\t")).join("\n"), file: "asked.ts",
      data: tsHead(label) + tsLine(channels, own)};
  });
}

// refused are texts that a page refuses, and what it says of them.
export const refused = {
  shops: [["1,2", "reads 3 columns of numbers (sold, visits, price), and there are 2"],
    ["sold,visits,price\n1,2,x", '"x" in row 1'], ["sold,visits,price\n1,2,3", "price is known for 0 steps"],
    [`${head}\n2024-01-01,a,b,1,2,3\n2024-01-02,z,b,1,2,3`, "one series at a time"]],
  load: [["", "Write numbers into the box first"], ["value", "only a header"], ["1\n-2", "larger than 0"],
    ["?\n?", "no value"], ["1\nx", '"x" in row 2 of the numbers is no number']],
  slopes: [["1\n2", "reads 2 columns"]],
};

if (process.argv[1].endsWith("numbers.mjs")) writeTraining(process.argv[2]);
