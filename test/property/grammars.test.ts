import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseChunkRange } from '../../src/oci/content-range.ts';
import { parseDigest } from '../../src/oci/digest.ts';
import { parseReference, parseRepositoryName, parseTag } from '../../src/oci/reference.ts';
import { objectKey } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';

const word = fc.stringMatching(/^[a-z0-9]{1,6}$/);
const component = fc
  .array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '--', '---'), word), { maxLength: 3 })
  .chain((rest) => word.map((first) => first + rest.flat().join('')));
const name = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/);
const digest = fc.oneof(
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`),
  fc.stringMatching(/^[0-9a-f]{128}$/).map((hex) => `sha512:${hex}`),
);
/** Text that comes close to what is allowed. */
const near = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ019._-/:%\0\n ä')), maxLength: 300 });

describe('what the grammars make is taken as it is', () => {
  test.each([
    ['names', name, parseRepositoryName],
    ['tags', tag, parseTag],
    ['digests', digest, parseDigest],
  ] as const)('%s', (_what, texts, parse) => {
    fc.assert(fc.property(texts, (text) => expect(parse(text)).toBe(text)));
  });

  test('references are a tag or a digest, and never both', () => {
    fc.assert(fc.property(tag, (text) => expect(parseReference(text)).toEqual({ tag: text })));
    fc.assert(fc.property(digest, (text) => expect(parseReference(text)).toEqual({ digest: text })));
  });

  test('ranges of chunks', () => {
    const range = fc.tuple(fc.nat(), fc.nat()).map(([first, length]) => ({ first, last: first + length }));
    fc.assert(fc.property(range, ({ first, last }) => expect(parseChunkRange(`${first}-${last}`)).toEqual({ first, last })));
  });
});

describe('what is taken has the form that everything behind the door relies on', () => {
  test('a name needs no escaping, climbs nowhere and is at most 255 bytes', () => {
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        if (parseRepositoryName(text) === undefined) return;
        expect(encodeURI(text)).toBe(text);
        expect(text).toMatch(/^[a-z0-9][a-z0-9._/-]*$/);
        expect(text).not.toMatch(/\/\/|\/$|\.\./);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(255);
      }),
    );
  });

  test('a tag or a digest is one part of a path', () => {
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        if (parseReference(text) === undefined) return;
        expect(text).not.toMatch(/[/\\%\s\0]/);
        expect(['.', '..']).not.toContain(text);
      }),
    );
  });

  test('a digest makes a key below the blobs, its own', () => {
    fc.assert(
      fc.property(digest, digest, (one, other) => {
        const [first, second] = [parseDigest(one), parseDigest(other)];
        if (first === undefined || second === undefined) throw new Error('a well-formed digest was refused');
        expect(objectKey(blobKey(first))).toMatch(/^docker\/registry\/v2\/blobs\/sha(?:256|512)\/[0-9a-f]{2}\/[0-9a-f]+\/data$/);
        expect(blobKey(first) === blobKey(second)).toBe(first === second);
      }),
    );
  });
});
