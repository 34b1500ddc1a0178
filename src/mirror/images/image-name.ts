import { type Reference, parseReference, parseRepositoryName } from '../../oci/reference.ts';
import { dockerHub } from '../upstream/upstream.ts';

/** An image as people write it: `alpine`, `ghcr.io/owner/image:tag`, `quay.io/a/b@sha256:…`. */
export interface ImageName {
  readonly host: string;
  readonly name: string;
  readonly reference: Reference;
}

/** As Docker reads it: without a host it is Docker Hub's, without a tag it is `latest`. Undefined for what is no name. */
export function parseImageName(text: string): ImageName | undefined {
  const match = /^(?:([^/@]*[.:][^/@]*|localhost)\/)?([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(text);
  const [, host = dockerHub, path = '', tag = 'latest', digest] = match ?? [];
  const name = parseRepositoryName(path);
  const reference = digest === undefined || digest.includes(':') ? parseReference(digest ?? tag) : undefined;
  return name && reference && { host, name, reference };
}
