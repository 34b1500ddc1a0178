import { findOperation } from '../../storage/metadata/queries/subjects.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

type Call = (...args: never[]) => Promise<unknown>;
type Subject = Readonly<Record<string, Call>>;

/** Returns the store with every operation replaced by what `wrap` returns for it. `id` is `subject.operation`. */
export function wrapOperations(store: MetadataStore, wrap: (operation: Call, id: string) => Call): MetadataStore {
  const subjects = Object.entries(store).filter((entry): entry is [string, Subject] => typeof entry[1] === 'object');
  const wrapped = subjects.map(([subject, operations]) => [
    subject,
    Object.fromEntries(Object.entries(operations).map(([name, call]) => [name, wrap(call, `${subject}.${name}`)])),
  ]);
  return { ...store, ...(Object.fromEntries(wrapped) as Partial<MetadataStore>) };
}

/** Resolves to whether the operation changes the store. */
export async function isWrite(id: string): Promise<boolean> {
  return (await findOperation(id)).kind !== 'read';
}
