import type { WatchCall } from '../watched-call.ts';
import { implementSubjects, loadSubjects } from './queries/subjects.ts';
import type { MetadataStore } from './store.ts';

type Call = (...args: never[]) => Promise<unknown>;

/** Resolves to the store whose operations are watched, as `read`, `write` and `check`: hundreds of names would be too many. */
export async function watchMetadata(store: MetadataStore, watch: WatchCall): Promise<MetadataStore> {
  const operations = store as unknown as Readonly<Record<string, Readonly<Record<string, Call>>>>;
  const subjects = implementSubjects(await loadSubjects(), ({ kind }, id) => {
    const [subject = '', name = ''] = id.split('.');
    const operation = operations[subject]?.[name] as Call;
    const kindOfCall = kind === 'read' ? 'read' : 'write';
    return (...args) => watch(kindOfCall, () => operation(...args), id);
  });
  return { ...subjects, name: store.name, check: () => watch('check', () => store.check()), close: () => store.close() };
}
