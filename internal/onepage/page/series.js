// Series of numbers in a text, and what models read of them: see package datasets/series.

const missingCells = new Set(["", "-", "?", "nan", "na", "n/a", "null"]);

// numberIn is the number in a cell, NaN if it says that a value is missing, and undefined if it is another text.
function numberIn(cell) {
  if (missingCells.has(cell.toLowerCase())) return NaN;
  return Number.isFinite(Number(cell)) ? Number(cell) : undefined;
}

// timeIn is the time in a cell, in milliseconds of UTC; undefined if there is none.
function timeIn(cell) {
  const m = /^(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?Z?$/.exec(cell);
  return m ? Date.UTC(m[1], m[2] - 1, m[3], m[4] ?? 0, m[5] ?? 0, m[6] ?? 0) : undefined;
}

// cellsOf cuts a line where it has tabs, or else semicolons, commas or white space.
function cellsOf(line) {
  const at = [/\t/, /;/, /,/].find(separator => separator.test(line)) ?? /\s+/;
  return line.trim().split(at).map(cell => cell.trim().replace(/^"(.*)"$/, "$1"));
}

// seriesIn are the series in a text: [column][t] for the columns of these names, and the times of the values. Empty
// lines stand between series. Of one column a line of numbers is a series, too.
function seriesIn(text, names) {
  const parts = text.replaceAll("\r", "").split(/\n[ \t]*\n/).map(part => part.split("\n").filter(line => line.trim()));
  return parts.filter(lines => lines.length).flatMap(lines => table(lines.map(cellsOf), names));
}

function table(rows, names) {
  const isNumber = cell => numberIn(cell) !== undefined;
  if (names.length === 1 && rows.some(row => row.length > 1) && rows.flat().every(isNumber)) {
    return rows.map(row => ({columns: [row.map(numberIn)]}));
  }
  const isTime = cell => timeIn(cell) !== undefined;
  const header = !rows[0].some(cell => numberIn(cell) > -Infinity)
    && rows[0].some(cell => !isNumber(cell) && !isTime(cell));
  const head = header ? rows.shift() : [];
  if (!rows.length) throw new Error("There are no numbers, only a header.");
  const width = header ? head.length : rows[0].length;
  const long = rows.findIndex(row => row.length > width);
  if (long >= 0) {
    throw new Error(`Row ${long + 1} of the numbers has ${rows[long].length} cells, and the first line ${width}.`);
  }
  const columns = Array.from({length: width}, (_, i) => rows.map(row => row[i] ?? ""));
  const named = names.map(name => head.indexOf(name));
  const chosen = !named.includes(-1) ? named
    : [...columns.keys()].filter(i => width === names.length || columns[i].every(isNumber));
  if (chosen.length !== names.length) {
    const reads = names.length === 1 ? "one column" : names.length + " columns";
    throw new Error(`The model reads ${reads} of numbers (${names.join(", ")}), and there are ${chosen.length}.`);
  }
  const times = columns.find(column => column.every(isTime));
  const name = columns.find((column, i) => !chosen.includes(i) && column !== times && !column.every(isNumber)
    && column.some(cell => cell !== column[0]));
  if (name) {
    const [first, other] = [...new Set(name)].map(cell => JSON.stringify(cell));
    throw new Error(`A column has several texts, ${first} and ${other}: write one series at a time.`);
  }
  return [{times: times?.map(timeIn), columns: chosen.map(i => columns[i].map((cell, t) => {
    if (!isNumber(cell)) throw new Error(`${JSON.stringify(cell)} in row ${t + 1} of the numbers is no number.`);
    return numberIn(cell);
  }))}];
}

// valued are the first row that has a value, and the one behind the last.
function valued(columns) {
  const some = columns[0].map((_, t) => columns.some(column => !Number.isNaN(column[t])));
  return [Math.max(0, some.indexOf(true)), some.lastIndexOf(true) + 1];
}

// vectorsOf are what a classifier or a regressor reads of a series, and how many steps that is.
function vectorsOf(columns) {
  const {scale, means, deviations, differences, mask, patch} = settings.series;
  const channels = columns.length, n = columns[0].length, kinds = 1 + differences + mask;
  const width = channels * kinds, steps = Math.ceil(n / patch);
  const data = new Float32Array(steps * patch * width), first = data.length - n * width;
  columns.forEach((values, channel) => {
    const [mean, deviation] = scale === "none" ? [0, 1] : scale === "series" ? moments(values)
      : [means[channel], deviations[channel]];
    let before = 0;
    values.forEach((x, t) => {
      const at = first + t * width, there = !Number.isNaN(x);
      const now = there ? (x - mean) / deviation : before;
      data[at + channel] = now;
      if (differences && t > 0) data[at + channels + channel] = now - before;
      if (there && mask) data[at + width - channels + channel] = 1;
      before = now;
    });
  });
  return {data, steps};
}

// moments are the mean and the deviation of a series, 1 of one that stands still (Welford, 1962).
function moments(values) {
  let n = 0, mean = 0, squares = 0;
  for (const x of values.filter(x => !Number.isNaN(x))) {
    const d = x - mean;
    mean += d / ++n;
    squares += d * (x - mean);
  }
  const deviation = Math.sqrt(squares / Math.max(n, 1));
  return [mean, deviation === 0 || deviation < 1e-12 * Math.abs(mean) ? 1 : deviation];
}

// after is the time some steps after another: see series.Step.
function after(time, n, {seconds, months, month_end: monthEnd}) {
  if (!months) return new Date(time + 1000 * seconds * n);
  const begin = new Date(time), of = begin.getUTCMonth() + n * months;
  const last = new Date(Date.UTC(begin.getUTCFullYear(), of + 1, 0)).getUTCDate();
  const at = new Date(time);
  at.setUTCFullYear(begin.getUTCFullYear(), of, monthEnd ? last : Math.min(begin.getUTCDate(), last));
  return at;
}

// phases are where a time stands in what comes again: see series.Calendar.
const dayOfYear = t => Math.floor((t - Date.UTC(t.getUTCFullYear(), 0, 1)) / 864e5);
const daysIn = (year, month) => new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
const phases = {
  minute: t => (t.getUTCMinutes() * 60 + t.getUTCSeconds()) / 3600,
  hour: t => (t.getUTCHours() * 3600 + t.getUTCMinutes() * 60 + t.getUTCSeconds()) / 86400,
  weekday: t => (t.getUTCDay() + 6) % 7 / 7,
  monthday: t => (t.getUTCDate() - 1) / daysIn(t.getUTCFullYear(), t.getUTCMonth()),
  month: t => t.getUTCMonth() / 12,
  yearday: t => dayOfYear(t) / (337 + daysIn(t.getUTCFullYear(), 1)),
};

// calendarOf are the covariates of n times from one on.
const calendarOf = (names, start, step, n) => names.flatMap(name => {
  const angles = Array.from({length: n}, (_, t) => 2 * Math.PI * phases[name](after(start, t, step)));
  return [angles.map(Math.sin), angles.map(Math.cos)];
});

const timeHint = "Begin each row with its time, such as 2026-01-31 15:00.";

// forecasterInputs are what a forecaster reads of a series, of which it forecasts some values, and these targets.
function forecasterInputs({columns, times}, {targets, known = [], calendar = [], step}, {horizon, log}) {
  const values = columns.slice(0, targets.length), [from, to] = valued(values), n = to - from;
  if (n === 0) throw new Error("There is no value.");
  const past = values.map(column => column.slice(from, to));
  if (log && past.flat().some(y => y <= 0)) {
    throw new Error("The model takes logarithms: each value must be larger than 0.");
  }
  const covariates = columns.slice(targets.length).map((column, i) => {
    if (column.length < to + horizon) {
      throw new Error(`${known[i].name} is known for ${column.length - to} steps after the last value, and the ` +
        `forecast needs ${horizon}: add rows with it and without values.`);
    }
    return column.slice(from);
  });
  if (calendar.length) {
    if (!times) throw new Error(`The model knows the calendar. ${timeHint}`);
    covariates.push(...calendarOf(calendar, times[from], step, n + horizon));
  }
  return {past, covariates: covariates.map(column => column.slice(0, n + horizon))};
}

// byRow are columns one row after the other.
const byRow = columns => Float32Array.from({length: columns.length * columns[0].length}, (_, i) =>
  columns[i % columns.length][Math.floor(i / columns.length)]);
