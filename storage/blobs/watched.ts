import type { WatchCall } from '../watched-call.ts';
import type { Appender, BlobDriver } from './driver.ts';

/**
 * Returns the driver whose calls are watched, and those of its appenders. Lists and the bytes of open objects are not: they take
 * as long as their readers. `append` includes the time that its source takes.
 */
export function watchBlobs(driver: BlobDriver, watch: WatchCall): BlobDriver {
  const { adoptFile, keepsVersions } = driver;
  return {
    ...driver,
    stat: (key) => watch('stat', () => driver.stat(key)),
    read: (key, range) => watch('read', () => driver.read(key, range)),
    put: (key, bytes, options) => watch('put', () => driver.put(key, bytes, options)),
    openAppender: async (key, options) =>
      watchAppender(await watch('open_appender', () => driver.openAppender(key, options)), watch),
    inProgressBytes: (key) => watch('in_progress_bytes', () => driver.inProgressBytes(key)),
    ...(adoptFile && { adoptFile: (path, to) => watch('adopt_file', () => adoptFile(path, to)) }),
    move: (from, to, options) => watch('move', () => driver.move(from, to, options)),
    delete: (keys) => watch('delete', () => driver.delete(keys)),
    deleteObjects: (keys, assertHeld) => watch('delete', () => driver.deleteObjects(keys, assertHeld)),
    ...(keepsVersions && { keepsVersions: () => watch('keeps_versions', keepsVersions) }),
    check: () => watch('check', () => driver.check()),
  };
}

function watchAppender(appender: Appender, watch: WatchCall): Appender {
  return {
    get sizeBytes() {
      return appender.sizeBytes;
    },
    get knownDigest() {
      return appender.knownDigest;
    },
    append: (source, digestOf) => watch('append', () => appender.append(source, digestOf)),
    truncate: (sizeBytes) => watch('truncate', () => appender.truncate(sizeBytes)),
    readBack: () => appender.readBack(),
    close: () => appender.close(),
    publish: (to) => watch('publish', () => appender.publish(to)),
    commit: (to) => watch('commit', () => appender.commit(to)),
    abort: () => watch('abort', () => appender.abort()),
  };
}
