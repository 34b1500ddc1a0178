import {
  type Appender,
  type BlobDriver,
  type OpenObject,
  StorageError,
  type StorageErrorCode,
} from '../../storage/blobs/driver.ts';

/** The fault of one call of the driver, counted from 1 since it was armed. */
export interface Fault {
  readonly call: number;
  readonly kind: 'fail' | 'stall';
  readonly code?: StorageErrorCode;
}

export interface FaultyDriver {
  readonly driver: BlobDriver;
  arm(fault: Fault): void;
  /** Whether the fault has happened since it was armed. */
  happened(): boolean;
  /** No call fails any more. Returns whether one has. */
  disarm(): boolean;
  /** Lets a stalled call go on. */
  release(): void;
}

/** Wraps `inner` in a driver whose nth call fails or stalls; calls of appenders and streams count too. */
export function createFaultyDriver(inner: BlobDriver): FaultyDriver {
  let fault: Fault | undefined;
  let calls = 0;
  let happened = false;
  let released = Promise.withResolvers<undefined>();

  async function pass(call: string): Promise<void> {
    calls++;
    if (fault?.call !== calls) return;
    happened = true;
    if (fault.kind === 'stall') await released.promise;
    else throw new StorageError(fault.code ?? 'unavailable', `${call}: fails for the test`);
  }

  async function guarded<Result>(call: string, work: () => Promise<Result>): Promise<Result> {
    await pass(call);
    return work();
  }

  const guardAppender = (appender: Appender): Appender => ({
    get sizeBytes() {
      return appender.sizeBytes;
    },
    get knownDigest() {
      return appender.knownDigest;
    },
    append: (source, digestOf) => guarded('append', () => appender.append(source, digestOf)),
    truncate: (size) => guarded('truncate', () => appender.truncate(size)),
    readBack: () => appender.readBack(),
    close: () => appender.close(),
    publish: (to) => guarded('publish', () => appender.publish(to)),
    commit: (to) => guarded('commit', () => appender.commit(to)),
    abort: () => guarded('abort', () => appender.abort()),
  });

  const guardObject = ({ sizeBytes, range, stream, close }: OpenObject): OpenObject => ({
    sizeBytes,
    range,
    async *stream() {
      await pass('stream');
      yield* stream();
    },
    close,
  });

  return {
    arm(next) {
      [fault, calls, happened, released] = [next, 0, false, Promise.withResolvers<undefined>()];
    },
    happened: () => happened,
    disarm() {
      fault = undefined;
      return happened;
    },
    release: () => released.resolve(undefined),
    driver: {
      ...inner,
      stat: (key) => guarded('stat', () => inner.stat(key)),
      read: (key, range) => guarded('read', async () => guardObject(await inner.read(key, range))),
      put: (key, bytes, options) => guarded('put', () => inner.put(key, bytes, options)),
      openAppender: (key, options) => guarded('open', async () => guardAppender(await inner.openAppender(key, options))),
      move: (from, to, options) => guarded('move', () => inner.move(from, to, options)),
      deleteObjects: (keys, assertHeld) => guarded('delete', () => inner.deleteObjects(keys, assertHeld)),
      delete: (keys) => guarded('delete', () => inner.delete(keys)),
      check: () => guarded('check', () => inner.check()),
    },
  };
}
