import type { Operation } from '../queries/steps/query.ts';
import { type Subjects, implementSubjects, loadSubjects } from '../queries/subjects.ts';
import { connect, writeRefusal } from './connection.ts';
import { createReadMemory } from './read-memory.ts';
import { startWriteThread } from './write-thread.ts';
import { MetadataError, type MetadataStore } from '../store.ts';
import { createWriteHealth, writeCheck } from '../write-health.ts';

export interface SqliteStoreOptions {
  readonly file: string;
  /** Default: true. False: no transaction is committed to find out whether the database shows its commits. */
  readonly remembersReads?: boolean;
}

/**
 * Opens the metadata store in one SQLite file, created if necessary. Reads run at once on this thread (microseconds), writes on
 * their own thread (one fsync each, shared under load). Several processes of one machine may open the same file. Rejects
 * `newer_schema`, `unavailable`, `denied`, `damaged`.
 */
export async function createSqliteStore({ file, remembersReads = true }: SqliteStoreOptions): Promise<MetadataStore> {
  const [writer, loaded] = await Promise.all([startWriteThread(file), loadSubjects()]);
  const reader = connect(file, { readOnly: true });
  const memory = remembersReads ? createReadMemory(file) : undefined;
  let open = true;

  function read(query: Operation, id: string) {
    const results = query.isRemembered ? memory : undefined;
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous: failures are rejections
    return async (...args: never[]) => {
      if (!open) throw new MetadataError('closed', 'the metadata store is closed');
      const run = () => reader.drive(query(...args));
      return results ? results.recall(`${id} ${args.join(' ')}`, run) : run();
    };
  }

  const writes = createWriteHealth(() => subjects.leases.take(...writeCheck));
  const subjects: Subjects = implementSubjects(loaded, (operation, id) =>
    operation.kind === 'read' ? read(operation, id) : (...args) => writer.write(id, args).catch(writes.failed),
  );
  return {
    ...subjects,
    name: 'sqlite',
    async check() {
      await subjects.grants.rightsVersion();
      const refusal = writeRefusal(file);
      if (refusal !== undefined) throw new MetadataError('denied', `${file} cannot be written: ${refusal}`);
      await writes.check();
    },
    async close() {
      if (open) reader.close();
      const wasOpen = open;
      open = false;
      await writer.close();
      if (wasOpen) memory?.close();
    },
  };
}
