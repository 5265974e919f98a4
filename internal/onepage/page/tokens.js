// Texts as tokens and back, as package datasets has it: see datasets/encoder.go, units.go and vocab.go.

const unknownToken = 1, endToken = 3;

// What Go takes for white space; the browser's own \s is another set.
const white = "\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
const isWhite = new RegExp(`^[${white}]$`);
const notWhite = new RegExp(`[^${white}]`);

// blank says whether there is nothing but white space.
const blank = text => !notWhite.test(text);

// trimmed is a text without what is blank around it.
const trimmed = text => text.replace(new RegExp(`^[${white}\ufeff]+|[${white}\ufeff]+$`, "g"), "");

// wordsIn are the words of a text and its line breaks.
const wordsIn = text => text.match(new RegExp(`[^${white}]+|\n`, "g")) ?? [];

// lowered is a text in lower case, character by character.
const lowered = text => [...text].map(c => c === "\u0130" ? "i" : c.toLowerCase()).join("");

// kindOf is the class of a character; byte pairs never join two classes.
function kindOf(c) {
  if (c === "\n") return "line";
  if (isWhite.test(c)) return "space";
  if (/^[\p{L}\p{M}\p{Cf}]$/u.test(c)) return "letter";
  return /^\p{N}$/u.test(c) ? "digit" : "other";
}

// Vocab numbers the units of texts.
class Vocab {
  constructor({kind, special = [], tokens, merges = [], spaces, normalize}) {
    Object.assign(this, {kind, special: special.length, spaces: spaces === "kept", form: normalize?.toUpperCase()});
    this.names = [...special, ...tokens];
    this.numbers = new Map(tokens.map((t, i) => [t, special.length + i]));
    this.ranks = new Map();
    merges.forEach(([a, b], rank) => this.ranks.set(a + " " + b, {rank, becomes: this.numbers.get(this.names[a] + this.names[b])}));
  }

  // encode gives the tokens of a text. Units that the vocabulary lacks are unknown or, without such a token, left out;
  // lacks are these.
  encode(text) {
    if (this.form) text = text.normalize(this.form);
    const tokens = [], lacks = [];
    const add = unit => {
      const n = this.numbers.get(unit);
      if (n === undefined) lacks.push(unit);
      if (n !== undefined || this.special) tokens.push(n ?? unknownToken);
    };
    if (this.kind === "char") [...text].forEach(add);
    else if (this.kind === "word") wordsIn(text).forEach(add);
    else for (const [piece, starts] of this.pieces(text)) tokens.push(...this.join(piece, starts, lacks));
    return {tokens, lacks};
  }

  // pieces are runs of characters of one class, at most 100 long, and whether each begins a word.
  *pieces(text) {
    const all = [...text.replaceAll("▁", " ")];
    let before = "line";
    for (let i = 0; i < all.length;) {
      const kind = kindOf(all[i]);
      let end = i + 1;
      while (kind !== "line" && end < all.length && end - i < 100 && kindOf(all[end]) === kind) end++;
      const piece = all.slice(i, end);
      i = end;
      const implied = !this.spaces || piece.length === 1 && piece[0] === " " && before !== "line" && all[i] !== "\n";
      if (kind !== "space" || !implied) yield [piece, !["space", "line"].includes(kind) && ["space", "line"].includes(before)];
      before = kind;
    }
  }

  // join joins pairs of neighbours in the order in which they were learned.
  join(piece, starts, lacks) {
    let known = piece;
    if (kindOf(piece[0]) === "space") known = piece.filter(c => this.numbers.has(c));
    let symbols = known.map(c => {
      if (!this.numbers.has(c)) lacks.push(c);
      return this.numbers.get(c) ?? unknownToken;
    });
    if (starts) symbols.unshift(this.numbers.get("▁"));
    for (;;) {
      let first;
      for (let i = 0; i + 1 < symbols.length; i++) {
        const m = this.ranks.get(symbols[i] + " " + symbols[i + 1]);
        if (m && (!first || m.rank < first.rank)) first = {...m, left: symbols[i], right: symbols[i + 1]};
      }
      if (!first) return symbols;
      const joined = [];
      for (let i = 0; i < symbols.length; i++) {
        const here = symbols[i] === first.left && i + 1 < symbols.length && symbols[i + 1] === first.right;
        joined.push(here ? first.becomes : symbols[i]);
        if (here) i++;
      }
      symbols = joined;
    }
  }

  // decoder gives what one more token adds to a text.
  decoder() {
    let open = false, ended = false;
    return token => {
      let unit = this.names[token];
      if (token < this.special) {
        ended ||= token === endToken;
        if (token !== unknownToken) return "";
        unit = this.kind === "word" ? this.names[unknownToken] : "\ufffd";
      }
      if (ended) return "";
      const line = unit === "\n";
      let space = this.kind === "word" && !line;
      if (this.kind === "bpe" && (space = unit.startsWith("▁"))) unit = unit.slice(1);
      if (space && open) unit = " " + unit;
      if (!this.spaces) open = !line;
      else if (unit) open = !isWhite.test([...unit].at(-1));
      return unit;
    };
  }

  decode(tokens) {
    const next = this.decoder();
    return Array.from(tokens, next).join("");
  }

  // shown is a token for people.
  shown(token) {
    return token === endToken && this.special ? "■" : this.names[token].replaceAll("▁", "␣").replaceAll(" ", "␣").replaceAll("\n", "⏎");
  }
}
