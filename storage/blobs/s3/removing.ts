import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { toStorageError } from './errors.ts';

/** Largest number of keys in one request. */
const maxKeys = 1000;

/**
 * Deletes objects; a missing one is a success. Resolves to the keys that failed. `assertHeld` is called before each request that
 * is sent, also when the SDK repeats one.
 */
export async function removeObjects(
  bucket: Bucket,
  keys: readonly string[],
  assertHeld?: () => void,
): Promise<Map<string, StorageError>> {
  const failures = new Map<string, StorageError>();
  for (let at = 0; at < keys.length; at += maxKeys) {
    for (const [key, failure] of await removeBatch(bucket, keys.slice(at, at + maxKeys), assertHeld)) failures.set(key, failure);
  }
  return failures;
}

async function removeBatch(
  bucket: Bucket,
  keys: readonly string[],
  assertHeld: (() => void) | undefined,
): Promise<[string, StorageError][]> {
  const Objects = keys.map((key) => ({ Key: bucket.prefix + key }));
  const command = new DeleteObjectsCommand({ Bucket: bucket.name, Delete: { Objects, Quiet: true } });
  if (assertHeld) {
    // Behind the middleware that repeats requests, so that it runs for each of them.
    command.middlewareStack.add(
      (next) => (request) => {
        assertHeld();
        return next(request);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'assertHeld' },
    );
  }
  const { Errors = [] } = await bucket.request('delete', 0, (options) => bucket.s3.send(command, options));
  const failed = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
  return failed.map(({ Key = '', Code = 'Error', Message = '' }) => [
    Key.slice(bucket.prefix.length),
    toStorageError(Object.assign(new Error(Message), { name: Code }), 'delete'),
  ]);
}
