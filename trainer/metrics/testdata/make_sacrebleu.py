"""Writes sacrebleu.json, the scores that sacreBLEU gives to lines that are easy to get wrong: pip install sacrebleu==2.5.1"""
import json
import os

import sacrebleu
from sacrebleu.metrics import BLEU, CHRF

# A hypothesis and its references.
LINES = [
    ("", ["The cat sat on the mat."]),
    ("word", ["word"]),
    ("word", ["another", "word"]),
    ("The cat sat on the mat.", [""]),
    ("a b c d", ["a b c d"]),
    ("It costs 1,234.56 dollars, or 1.234,56 euros.", ["It costs 1,234.56 dollars, that is 1.234,56 euros."]),
    ("In 1990, 3.5% of 1,000 (10.) were: 5,.6 and .5,", ["In 1990 3.5 % of 1,000 (10) were: 5,6 and .5 ,"]),
    ("&quot;Tom &amp; Ann&quot; said 3 &lt; 5 &gt; 2 &amp;amp; left", ['"Tom & Ann" said 3 < 5 > 2 &amp; left']),
    ("AT&amp;quot;T &apos;s &#39;", ['AT&quot;T &apos;s \'']),
    ("<skipped>the man <skipped> went home late", ["the man went home late"]),
    ("他又听见了花园里的声音。", ["他听见了花园里的声音。", "他又听到花园里的一个声音。"]),
    ("我有3.5公斤ABC苹果,和iPhone-12。", ["我有3.5公斤的ABC苹果,还有iPhone-12。"]),
    ("彼は「東京タワー」へ行きました。", ["彼は「東京タワー」に行きました。"]),
    ("그는 서울에 갔다. 정말로!", ["그는 서울에 갔습니다. 정말!"]),
    ("ＡＢＣ １２３，４５６．７！ ﾃｽﾄ", ["ＡＢＣ １２３，４５６．７？ ﾃｽﾄ"]),
    ("全角　空白　は　空白　です", ["全角 空白 は 空白 です"]),
    ("one\x1ctwo\x1dthree\x1efour\x1ffive", ["one two three four five"]),
    ("\x1fone two three four \x1c", ["one two three four"]),
    ("one\x85two\u2028three\u2029four\u00a0five six", ["one two three four five six"]),
    ("thin\u2009space\u202fnarrow\u205fmath\u1680ogham", ["thin space narrow math ogham"]),
    ("zero\u200bwidth\u2060joiner \ufeffmark here now", ["zerowidth joiner mark here now"]),
    ("  leading and trailing spaces \t ", ["leading and trailing spaces"]),
    ("tab\tand\vvertical\fform", ["tab and vertical form"]),
    ("a well-known co-\noperation of 2-3 states - now", ["a well-known cooperation of 2-3 states - now"]),
    ("ends with a hyphen-", ["ends with a hyphen -"]),
    ("first line\nsecond line-\n", ["first line second line"]),
    ("Wait... what?! No.... yes..", ["Wait ... what? ! No .... yes .."]),
    ("He said: 'don't!' -- she didn't.", ["He said: “don’t!” — she didn’t."]),
    ("good 👍🏽 job 👨‍👩‍👧 today ☃ ok", ["good 👍 job 👨‍👩‍👧 today ☃ okay"]),
    ("cafe\u0301 nai\u0308ve re\u0301sume\u0301 fac\u0327ade", ["café naïve résumé façade"]),
    ("नमस्ते दुनिया, यह १२.५ है।", ["नमस्ते दुनिया, यह १२,५ है।"]),
    ("ผมเห็นสวน", ["ผมเห็นสวนแล้ว"]),
    ("$5.00 €3,50 £2 ¥100 ₹7 5¢", ["$ 5.00 € 3,50 £ 2 ¥ 100 ₹ 7 5 ¢"]),
    ("x+y=z, a<b>c ~d^2 `e` |f| {g} [h] \\i @j #k *l", ["x + y = z , a < b > c"]),
    ("½ cup, ² squared; Ⅷ. No 5° C №7", ["½ cup , ²squared ; Ⅷ . No 5 ° C № 7"]),
    ("the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"]),
    ("It is a guide to action which ensures that the military always obeys the commands of the party",
     ["It is a guide to action that ensures that the military will forever heed Party commands",
      "It is the guiding principle which guarantees the military forces always being under the command of the Party",
      "It is the practical guide for the army always to heed the directions of the party"]),
    ("k l m n", ["k l m", "k l m n o", "k l m n o p q"]),
    ("İSTANBUL ΟΔΟΣ ΑΣ. ΣΑΣ ẞ DŽ", ["i̇stanbul οδος ας. σας ß dž"]),
    ("ΣΊΣΥΦΟΣ'S ΤΟΣ-ΤΟΣ aΣ\u00adb Σ", ["σίσυφος's τος-τος aσ\u00adb σ"]),
    ("“quoted”…and–dashed—words→arrows ≤ 5€", ["“quoted” … and – dashed — words → arrows ≤ 5 €"]),
    ("@-@ hy @-@ phen &amp; No@@ us vo@@ yons", ["hy-phen & Nous voyons"]),
]
TOKENIZERS = ["13a", "intl", "zh", "char", "none"]
CHRF_KINDS = {"chrF2": {}, "chrF2 lc": {"lowercase": True}, "chrF2 space": {"whitespace": True}, "chrF3": {"beta": 3}}


def scores(metric, lines):
    """Of each line, and of all."""
    hypotheses = [h for h, _ in lines]
    most = max(len(r) for _, r in lines)
    sets = [[r[i] if i < len(r) else None for _, r in lines] for i in range(most)]
    return metric.corpus_score(hypotheses, sets)


def bleu(lines, **options):
    metric = BLEU(**options)
    s = scores(metric, lines)
    return {"score": s.score, "matches": s.counts, "counts": s.totals, "hypotheses": s.sys_len, "references": s.ref_len,
            "signature": str(metric.get_signature())}


def chrf(lines, **options):
    metric = CHRF(**options)
    return {"score": scores(metric, lines).score, "signature": str(metric.get_signature())}


one = [(h, r[:1]) for h, r in LINES]
cut = {t: BLEU(tokenize=t) for t in TOKENIZERS}
golden = {
    "sacrebleu": sacrebleu.__version__,
    "lines": [{"hypothesis": h, "references": r} for h, r in LINES],
    "words": {t: [cut[t].tokenizer(h.rstrip()).split() for h, _ in LINES] for t in TOKENIZERS},
    "sentences": {t: [bleu([line], tokenize=t, effective_order=True) for line in LINES] for t in TOKENIZERS},
    "corpus": {t: bleu(LINES, tokenize=t) for t in TOKENIZERS},
    "corpus of one reference": {t: bleu(one, tokenize=t) for t in TOKENIZERS},
    "corpus in lower case": {t: bleu(LINES, tokenize=t, lowercase=True) for t in TOKENIZERS},
    "corpus not smoothed": {t: bleu(LINES, tokenize=t, smooth_method="none") for t in TOKENIZERS},
    "chrF sentences": {k: [chrf([line], **o) for line in LINES] for k, o in CHRF_KINDS.items()},
    "chrF corpus": {k: chrf(LINES, **o) for k, o in CHRF_KINDS.items()},
    "chrF corpus of one reference": {k: chrf(one, **o) for k, o in CHRF_KINDS.items()},
}


def dump(x, depth):
    """JSON whose values deeper than depth have a line each."""
    if depth == 0 or not isinstance(x, (dict, list)):
        return json.dumps(x)
    if isinstance(x, dict):
        return "{\n" + ",\n".join(json.dumps(k) + ": " + dump(v, depth - 1) for k, v in x.items()) + "\n}"
    return "[\n" + ",\n".join(dump(v, depth - 1) for v in x) + "\n]"


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sacrebleu.json"), "w") as f:
    f.write(dump(golden, 3) + "\n")
