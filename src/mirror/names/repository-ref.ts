import type { Mirrored } from '../../../storage/metadata/queries/mirror/repositories.ts';
import type { MirroredRepository } from './routing.ts';
import { usesLogin } from '../../upstream/upstream.ts';

/** Returns the repository as the store knows it. */
export function toMirroredRepository({ repository, upstream, remoteName }: MirroredRepository): Mirrored {
  return { repository, upstream: upstream.name, byLogin: usesLogin(upstream, remoteName) };
}
