import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { isPush } from '../../access/permissions/action.ts';
import { anonymousPrincipal } from '../../access/permissions/principal.ts';
import type { UpstreamVisibility } from '../../mirror/visibility/upstream-visibility.ts';
import { OciError } from '../../oci/errors.ts';
import { type AccessControl, type Need, openAccess } from './access-control.ts';
import type { RepositoryName } from '../../oci/reference.ts';

export interface PassThroughAccessOptions {
  readonly metadata: MetadataStore;
  readonly upstreams: Pick<UpstreamVisibility, 'isKnownPublic' | 'hidden'>;
  /** True for first components of repository names that every client may read: those of upstreams without pass-through. */
  readonly isOpen: (name: string) => boolean;
}

const batch = 200;

/**
 * Creates the access control of open mode with upstreams where the client's own rights count: every client may do everything,
 * except read content that such an upstream does not show to everyone. That needs a token of the upstream.
 */
export function createPassThroughAccess({ metadata, upstreams, isOpen: isOpenName }: PassThroughAccessOptions): AccessControl {
  const isOpen = (repository: string) => isOpenName(repository.split('/', 1)[0] ?? '');

  async function mayRead(repository: RepositoryName, upstream: Need['upstream']): Promise<boolean> {
    if (isOpen(repository)) return true;
    return upstream ? upstream.isPublic() : upstreams.isKnownPublic(repository);
  }

  async function* shown(after: string): AsyncGenerator<RepositoryName> {
    for (let names = await metadata.repositories.list(after, batch); names.length > 0;) {
      const hidden = await upstreams.hidden(names);
      yield* names.filter((name) => isOpen(name) || !hidden.has(name));
      names = await metadata.repositories.list(names.at(-1) ?? '', batch);
    }
  }

  return {
    ...openAccess,
    async check(request, { action, repository, upstream }) {
      if (isPush(action) || (await mayRead(repository, upstream))) return anonymousPrincipal;
      if (await upstream?.proves(request.headers.authorization)) return anonymousPrincipal;
      const header = await upstream?.challenge();
      if (header === undefined) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
      throw new OciError('UNAUTHORIZED', { headers: { 'WWW-Authenticate': header } });
    },
    allows: async (_subject, action, repository) => isPush(action) || mayRead(repository, undefined),
    knows: (_request, repository) => mayRead(repository, undefined),
    seesAll: () => false,
    visible: (_subject, after) => shown(after),
    // The time of a search in all repositories would reveal whether another repository has the blob.
    mountable: () => [],
  };
}
