import { findOperation, implementSubjects } from '../../storage/metadata/queries/subjects.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

type Call = (...args: never[]) => Promise<unknown>;

/** Returns the store with every operation replaced by what `wrap` returns for it. `id` is `subject.operation`. */
export function wrapOperations(store: MetadataStore, wrap: (operation: Call, id: string) => Call): MetadataStore {
  const operations = store as unknown as Readonly<Record<string, Readonly<Record<string, Call>>>>;
  const wrapped = implementSubjects((_operation, id) => {
    const [subject = '', name = ''] = id.split('.');
    return wrap(operations[subject]?.[name] as Call, id);
  });
  return { ...store, ...wrapped };
}

/** True if the operation changes the store. */
export function isWrite(id: string): boolean {
  return findOperation(id).kind !== 'read';
}
