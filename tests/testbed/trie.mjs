// A Merkle-Patricia trie built whole from its entries: root and proofs, for an endpoint that forges.
// Written for the tests only; keys are hashed (a "secure" trie), so all paths have one length.
import { encodeRlp, keccak256 } from "ethers";

const EMPTY_ROOT = keccak256("0x80");

function nibblesOf(hex) {
  return [...hex.slice(2)].map((c) => parseInt(c, 16));
}

// Hex-prefix encoding of a path (Yellow Paper, appendix C).
function compact(nibbles, isLeaf) {
  const flag = (isLeaf ? 2 : 0) + (nibbles.length % 2);
  const all = nibbles.length % 2 ? [flag, ...nibbles] : [flag, 0, ...nibbles];
  return "0x" + all.map((n) => n.toString(16)).join("");
}

function commonPrefix(entries, from) {
  const [first, ...others] = entries;
  let end = from;
  while (end < first.path.length && others.every((e) => e.path[end] === first.path[end])) end++;
  return end;
}

// A node: its RLP items, and how to go on from it for a proof.
function build(entries, from) {
  if (entries.length === 1) {
    const { path, value } = entries[0];
    return finish([compact(path.slice(from), true), value], () => null);
  }
  const end = commonPrefix(entries, from);
  if (end > from) {
    const child = build(entries, end);
    const shared = entries[0].path.slice(from, end);
    const follows = (path) => shared.every((n, i) => path[from + i] === n);
    return finish([compact(shared, false), child.ref], (path) => (follows(path) ? [child, end] : null));
  }
  const children = Array.from({ length: 16 }, (_, n) => {
    const below = entries.filter((e) => e.path[from] === n);
    return below.length ? build(below, from + 1) : null;
  });
  const items = [...children.map((c) => (c ? c.ref : "0x")), "0x"];
  return finish(items, (path) => (children[path[from]] ? [children[path[from]], from + 1] : null));
}

// A node shorter than a hash stands inside its parent, a longer one is named by its hash.
function finish(items, next) {
  const rlp = encodeRlp(items);
  const embedded = rlp.length < 2 + 2 * 32;
  return { rlp, embedded, ref: embedded ? items : keccak256(rlp), next };
}

// entries: [[key hex, RLP of the value as hex], ..]
export function makeTrie(entries) {
  const hashed = entries.map(([key, value]) => ({ path: nibblesOf(keccak256(key)), value }));
  const root = hashed.length ? build(hashed, 0) : null;
  return {
    root: root ? keccak256(root.rlp) : EMPTY_ROOT,
    // The nodes from the root towards the key, whether or not it is there.
    proof(key) {
      const path = nibblesOf(keccak256(key));
      const nodes = [];
      for (let step = root ? [root, 0] : null; step; step = step[0].next(path, step[1])) {
        if (!step[0].embedded || nodes.length === 0) nodes.push(step[0].rlp);
      }
      return nodes;
    },
  };
}
