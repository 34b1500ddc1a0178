import type { RepositoryName } from '../../oci/reference.ts';
/** A source of names in ascending order of bytes, without repetition. */
export interface NameSource {
  /** All names of the source are greater than this: it is opened only when the merge gets here. */
  readonly after: string;
  open(): AsyncGenerator<RepositoryName>;
}

interface Open {
  readonly names: AsyncGenerator<RepositoryName>;
  head: RepositoryName;
}

/** Yields all names of the sources in ascending order, each once. Opens a source only when the merge reaches its range. */
export async function* mergeNames(sources: readonly NameSource[]): AsyncGenerator<RepositoryName> {
  const waiting = [...sources].sort((one, other) => compare(one.after, other.after));
  let open: Open[] = [];
  let last: string | undefined;
  for (;;) {
    let least = leastOf(open);
    while (waiting[0] && (least === undefined || compare(waiting[0].after, least) < 0)) {
      const opened = await start(waiting.shift());
      if (opened) open.push(opened);
      least = leastOf(open);
    }
    if (least === undefined) return;
    if (least !== last) yield least;
    last = least;
    open = await advance(open, least);
  }
}

async function start(source: NameSource | undefined): Promise<Open | undefined> {
  if (!source) return undefined;
  const names = source.open();
  const first = await names.next();
  return first.done ? undefined : { names, head: first.value };
}

async function advance(open: readonly Open[], past: string): Promise<Open[]> {
  const left: Open[] = [];
  for (const source of open) {
    if (source.head === past) {
      const next = await source.names.next();
      if (next.done) continue;
      source.head = next.value;
    }
    left.push(source);
  }
  return left;
}

function leastOf(open: readonly Open[]): RepositoryName | undefined {
  return open.map(({ head }) => head).sort(compare)[0];
}

/** Names are ASCII: the order of UTF-16 units is the order of bytes. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
