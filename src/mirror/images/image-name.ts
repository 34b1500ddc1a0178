import { type Reference, type RepositoryName, parseReference, parseRepositoryName } from '../../oci/reference.ts';
import { dockerHub } from '../../upstream/upstream.ts';

/** An image's name as users write it: `alpine`, `ghcr.io/owner/image:tag`, `quay.io/a/b@sha256:…`. */
export interface ImageName {
  readonly host: string;
  readonly name: RepositoryName;
  readonly reference: Reference;
}

/** Parses a name as Docker does: the default host is Docker Hub, the default tag `latest`. Undefined if it is invalid. */
export function parseImageName(text: string): ImageName | undefined {
  const match = /^(?:([^/@]*[.:][^/@]*|localhost)\/)?([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(text);
  const [, host = dockerHub, path = '', tag = 'latest', digest] = match ?? [];
  const name = parseRepositoryName(path);
  const reference = digest === undefined || digest.includes(':') ? parseReference(digest ?? tag) : undefined;
  return name && reference && { host, name, reference };
}
