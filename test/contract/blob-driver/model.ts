import { expect } from '@jest/globals';
import fc from 'fast-check';
import { type BlobDriver, type ObjectKey, StorageError, objectKey } from '../../../storage/blobs/driver.ts';
import { isLong } from '../../support/long.ts';
import { chunked, contentOf } from './fixtures.ts';

type Step =
  | { readonly kind: 'put' | 'commit' | 'abandon'; readonly key: ObjectKey; readonly content: Uint8Array }
  | { readonly kind: 'move'; readonly key: ObjectKey; readonly to: ObjectKey }
  | { readonly kind: 'delete'; readonly key: ObjectKey };

const keys = ['k/a', 'k/b/c', 'k-d'].map(objectKey);
const partial = objectKey('partial');

/** More in the long run: over S3 each takes half a second. */
const numRuns = isLong ? 40 : 10;

function steps(): fc.Arbitrary<Step[]> {
  const key = fc.constantFrom(...keys);
  const kind = fc.constantFrom('put' as const, 'commit' as const, 'abandon' as const);
  return fc.array(
    fc.oneof(
      fc.record({ kind, key, content: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ kind: fc.constant('move' as const), key, to: key }),
      fc.record({ kind: fc.constant('delete' as const), key }),
    ),
    { maxLength: 12 },
  );
}

/** Performs the step on the driver, which must behave as the map does. */
async function perform(driver: BlobDriver, model: Map<string, Buffer>, step: Step): Promise<void> {
  switch (step.kind) {
    case 'put':
      await driver.put(step.key, step.content);
      model.set(step.key, Buffer.from(step.content));
      break;
    case 'commit':
    case 'abandon': {
      const appender = await driver.openAppender(partial, { resume: false });
      await appender.append(chunked(step.content, 7));
      if (step.kind === 'abandon') await appender.abort();
      else await appender.commit(step.key);
      if (step.kind === 'commit') model.set(step.key, Buffer.from(step.content));
      break;
    }
    case 'move': {
      const moved = model.get(step.key);
      const outcome = await driver.move(step.key, step.to).catch((error: unknown) => (error as StorageError).code);
      expect(outcome).toBe(moved ? undefined : 'not_found');
      model.delete(step.key);
      if (moved) model.set(step.to, moved);
      break;
    }
    case 'delete':
      await driver.delete([step.key]);
      model.delete(step.key);
  }
}

/** Any sequence of operations on an empty store leaves what a map would hold. Leaves the store empty. */
export async function expectMapBehaviour(driver: BlobDriver): Promise<void> {
  const run = fc.asyncProperty(steps(), async (sequence) => {
    const model = new Map<string, Buffer>();
    for (const step of sequence) await perform(driver, model, step);
    const found: string[] = [];
    for await (const key of driver.list('')) found.push(key);
    expect(found).toEqual([...model.keys()].sort());
    for (const [key, content] of model) expect((await contentOf(driver, objectKey(key))).equals(content)).toBe(true);
    await driver.delete(keys);
  });
  await fc.assert(run, { numRuns });
}
