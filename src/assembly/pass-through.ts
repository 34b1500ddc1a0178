import type { Config } from '../../config/schema.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type AccessControl, openAccess } from '../http/access.ts';
import { createPassThroughAccess } from '../http/pass-through-access.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { namespaceOf } from '../mirror/upstream/upstream.ts';

/** Who may do what in mode open: everybody everything, but for what upstreams with `passThrough` do not show to everybody. */
export function openControl({ mirror: { upstreams } }: Config, mirror: Mirror, metadata: MetadataStore): AccessControl {
  const all = Object.entries(upstreams);
  if (!all.some(([, { passThrough }]) => passThrough)) return openAccess;
  const open = all.filter(([, { passThrough }]) => !passThrough);
  const openNames = new Set(open.map(([name]) => namespaceOf({ name })));
  return createPassThroughAccess({ metadata, upstreams: mirror.visibility, openNames });
}
