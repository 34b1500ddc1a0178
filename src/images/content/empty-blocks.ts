/**
 * Deflate blocks without content (RFC 1951, 3.2). Node's zlib begins at a whole byte, and a checkpoint may be inside one: empty
 * blocks in front of it fill the byte up to the checkpoint. Moving the bits of the data instead would move the bytes that stored
 * blocks are aligned to.
 */

/** A number and how many bits it takes, lowest bit first. */
type Field = readonly [value: number, bits: number];

/** Fixed Huffman codes: the header and the code for the end, 10 bits. */
const fixedBlock: readonly Field[] = [
  [0b010, 3],
  [0, 7],
];

/** Symbol of the code length alphabet: 11–138 zeros, with the number above 11 in seven bits. It has the code 1. */
const zeros = (count: number): readonly Field[] => [
  [1, 1],
  [count - 11, 7],
];

/** Dynamic Huffman codes, 97 bits: an odd number. The only code of the block is that for its end. */
const dynamicBlock: readonly Field[] = [
  [0b100, 3],
  // 257 codes of literals, 11 of distances, 18 code lengths.
  ...([
    [257 - 257, 5],
    [11 - 1, 5],
    [18 - 4, 4],
  ] as const),
  // In the order of RFC 1951 the third code length is that of `zeros` and the eighteenth that of the length 1: one bit each.
  ...Array.from({ length: 18 }, (_, place): Field => [place === 2 || place === 17 ? 1 : 0, 3]),
  ...zeros(138),
  ...zeros(118),
  // The code for the end (256) has the length 1, which has the code 0; no distance has a code.
  [0, 1],
  ...zeros(11),
  [0, 1],
];

/** Returns empty blocks that end at bit `bits` (0–7) of the last byte, whose other bits are 0. */
export function emptyBlocks(bits: number): Buffer {
  const fixedBlocks = Array.from({ length: bits >> 1 }, () => fixedBlock).flat();
  return pack([...(bits % 2 === 1 ? dynamicBlock : []), ...fixedBlocks]);
}

function pack(fields: readonly Field[]): Buffer {
  const length = fields.reduce((total, [, bits]) => total + bits, 0);
  const packed = Buffer.alloc(Math.ceil(length / 8));
  let position = 0;
  for (const [value, bits] of fields) {
    for (let bit = 0; bit < bits; bit++, position++) {
      const byte = position >> 3;
      packed[byte] = (packed[byte] ?? 0) | (((value >> bit) & 1) << (position & 7));
    }
  }
  return packed;
}
