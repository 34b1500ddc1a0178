import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type TagSituation, decideTag, recordOf, settleMilliseconds } from '../../src/maintenance/sync/reconcile.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { SyncTagRecord } from '../../storage/metadata/queries/sync/tags.ts';

/** One tag at a registry that copies it from the other one. Images are numbers; the greater one is newer. */
interface Side {
  image: number | undefined;
  known: SyncTagRecord | undefined;
}

const digestOf = (image: number) => String(image).padStart(3, '0') as Digest;
const newest = 9;

/** Copies the tag from `source` as a run does. */
function copy(source: Side, target: Side, now: number): void {
  if (source.image === undefined) return;
  const situation: TagSituation = {
    source: digestOf(source.image),
    target: target.image === undefined ? undefined : digestOf(target.image),
    known: target.known,
    now,
  };
  const verdict = decideTag(situation);
  const isNewer = verdict === 'compare' && source.image > (target.image ?? -1);
  if (verdict === 'copy' || isNewer) target.image = source.image;
  const there = target.image === undefined ? undefined : digestOf(target.image);
  target.known = recordOf('v', situation, there);
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), side: fc.nat(1), image: fc.nat(newest) }),
  fc.record({ kind: fc.constant('delete' as const), side: fc.nat(1) }),
  fc.record({ kind: fc.constant('copy' as const), side: fc.nat(1) }),
  fc.record({ kind: fc.constant('wait' as const), part: fc.integer({ min: 1, max: 3 }) }),
);

test('two registries that copy from each other come to rest, whatever clients push meanwhile', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const sides: [Side, Side] = [
        { image: undefined, known: undefined },
        { image: undefined, known: undefined },
      ];
      const sideOf = (index: number) => (index === 0 ? sides[0] : sides[1]);
      let now = 0;
      for (const one of steps) {
        if (one.kind === 'push') sideOf(one.side).image = one.image;
        else if (one.kind === 'delete') sideOf(one.side).image = undefined;
        else if (one.kind === 'copy') copy(sideOf(1 - one.side), sideOf(one.side), now);
        else now += (settleMilliseconds * one.part) / 3;
      }
      const round = () => {
        const before = JSON.stringify(sides.map(({ image }) => image));
        copy(sides[1], sides[0], now);
        copy(sides[0], sides[1], now);
        return before === JSON.stringify(sides.map(({ image }) => image));
      };
      // Each of the two may take over one change of the other one.
      for (let count = 0; count < 3; count++) round();
      expect(round()).toBe(true);
      for (let day = 0; day < 2; day++) {
        now += settleMilliseconds;
        round();
        round();
      }
      expect(round()).toBe(true);
      const [one, other] = sides;
      if (one.image !== undefined && other.image !== undefined) expect(one.image).toBe(other.image);
    }),
    { numRuns: 500 },
  );
});

test('a source that nobody copies to is followed wherever it moves the tag', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(newest), { minLength: 1, maxLength: 20 }), (images) => {
      const [source, target]: [Side, Side] = [
        { image: undefined, known: undefined },
        { image: undefined, known: undefined },
      ];
      for (const [now, image] of images.entries()) {
        source.image = image;
        copy(source, target, now);
        expect(target.image).toBe(image);
      }
    }),
  );
});
