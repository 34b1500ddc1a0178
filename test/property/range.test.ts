import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lengthOf, parseRange } from '../../src/http/transfer/range.ts';

interface Spec {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

const size = fc.integer({ min: 0, max: 40 });
const position = fc.option(fc.nat(50), { nil: undefined });
const spec: fc.Arbitrary<Spec> = fc
  .record({ first: position, last: position })
  .filter(({ first, last }) => first !== undefined || last !== undefined);

const write = (specs: readonly Spec[]) => `bytes=${specs.map(({ first, last }) => `${first ?? ''}-${last ?? ''}`).join(', ')}`;

/** The positions that a spec stands for, one by one, as the RFC's prose says it. */
function positions({ first, last }: Spec, sizeBytes: number): number[] {
  const all = Array.from({ length: sizeBytes }, (_, at) => at);
  if (first === undefined) return all.slice(Math.max(0, sizeBytes - (last ?? 0)));
  return all.filter((at) => at >= first && (last === undefined || at <= last));
}

test('the parts are those that the RFC means, in the order of the request', () => {
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 5 }), size, (specs, sizeBytes) => {
      const parsed = parseRange(write(specs), sizeBytes);
      const backwards = specs.some(({ first, last }) => first !== undefined && last !== undefined && last < first);
      const meant = specs.map((one) => positions(one, sizeBytes)).filter((some) => some.length > 0);
      const bytes = meant.flat();
      if (backwards || meant.length === 0) expect(parsed.kind).toBe('unsatisfiable');
      else if (new Set(bytes).size < bytes.length) expect(parsed.kind).toBe('whole');
      else expect(parsed).toEqual({ kind: 'parts', ranges: meant.map((some) => ({ first: some[0], last: some.at(-1) })) });
    }),
  );
});

test('no part lies outside the object and none is empty, for any header', () => {
  const header = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789-, =bytes')) }).map((text) => `bytes=${text}`),
  );
  fc.assert(
    fc.property(header, size, (text, sizeBytes) => {
      const parsed = parseRange(text, sizeBytes);
      if (parsed.kind !== 'parts') return;
      for (const range of parsed.ranges) {
        expect(range.first).toBeGreaterThanOrEqual(0);
        expect(range.last).toBeLessThan(sizeBytes);
        expect(lengthOf(range)).toBeGreaterThan(0);
      }
    }),
  );
});
