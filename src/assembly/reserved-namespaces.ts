import type { Config } from '../../config/schema.ts';
import { reservedNamespaces } from '../access/accounts/account-name.ts';
import { namespaceOf } from '../upstream/upstream.ts';

/** Returns the first path components of repositories that no user owns: those of upstreams, and Docker Hub's `library`. */
export function readReservedNamespaces({ mirror }: Pick<Config, 'mirror'>): ReadonlySet<string> {
  return reservedNamespaces(Object.keys(mirror.upstreams).map((name) => namespaceOf({ name })));
}
