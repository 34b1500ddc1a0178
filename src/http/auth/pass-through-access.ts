import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { anonymousPrincipal } from '../../access/permissions/principal.ts';
import type { UpstreamVisibility } from '../../mirror/visibility/upstream-visibility.ts';
import { OciError } from '../../oci/errors.ts';
import { type AccessControl, type Need, openAccess } from './access-control.ts';

export interface PassThroughAccessOptions {
  readonly metadata: MetadataStore;
  readonly upstreams: Pick<UpstreamVisibility, 'isKnownPublic' | 'hidden'>;
  /** First parts of the names of repositories that are open to everybody, whatever they hold: other upstreams'. */
  readonly openNames: ReadonlySet<string>;
}

const batch = 200;

/**
 * Open mode where clients' own rights count at some upstreams: everybody may do everything, but read what one of those does
 * not show to everybody. That takes a token of the upstream.
 */
export function createPassThroughAccess({ metadata, upstreams, openNames }: PassThroughAccessOptions): AccessControl {
  const isOpen = (repository: string) => openNames.has(repository.split('/', 1)[0] ?? '');

  async function mayRead(repository: string, upstream: Need['upstream']): Promise<boolean> {
    if (isOpen(repository)) return true;
    return upstream ? upstream.isPublic() : upstreams.isKnownPublic(repository);
  }

  async function* shown(after: string): AsyncGenerator<string> {
    for (let names = await metadata.repositories.list(after, batch); names.length > 0;) {
      const hidden = await upstreams.hidden(names);
      yield* names.filter((name) => isOpen(name) || !hidden.has(name));
      names = await metadata.repositories.list(names.at(-1) ?? '', batch);
    }
  }

  return {
    ...openAccess,
    async check(request, { action, repository, upstream }) {
      const isPush = action === 'add' || action === 'push';
      if (isPush || (await mayRead(repository, upstream))) return anonymousPrincipal;
      if (await upstream?.proves(request.headers.authorization)) return anonymousPrincipal;
      const header = await upstream?.challenge();
      if (header === undefined) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
      throw new OciError('UNAUTHORIZED', { headers: { 'WWW-Authenticate': header } });
    },
    allows: async (_subject, action, repository) => action !== 'pull' || mayRead(repository, undefined),
    knows: (_request, repository) => mayRead(repository, undefined),
    visible: (_subject, after) => shown(after),
    // Who names no source could tell by the time of the search whether somebody else has the blob.
    mountable: () => [],
  };
}
