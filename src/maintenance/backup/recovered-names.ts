import { type RepositoryName, type Tag, parseNamedReference, parseRepositoryName, parseTag } from '../../oci/reference.ts';

/** The repository of all manifests that were found among blobs without names. */
export const recoveredImages = 'recovered/images' as RepositoryName;

export interface RecoveredName {
  readonly repository: RepositoryName;
  readonly tag: Tag | null;
}

/** Annotations with the name of the image, the better one first: with a tag, as `team/app:1.0`, or without one. */
const nameKeys = ['io.containerd.image.name', 'org.opencontainers.image.ref.name', 'org.opencontainers.image.title'];

/** Returns the name that the annotations (JSON, or null) of a manifest give, below `recovered/`; undefined if they give none. */
export function nameFromAnnotations(json: string | null): RecoveredName | undefined {
  const annotations = json === null ? {} : (JSON.parse(json) as Readonly<Record<string, string>>);
  const version = parseTag(annotations['org.opencontainers.image.version'] ?? '') ?? null;
  for (const key of nameKeys) {
    const text = (annotations[key] ?? '').replace(/^[^:@]+/, (name) => name.toLowerCase());
    const named = parseNamedReference(text);
    const plain = parseRepositoryName(text);
    // A reference without a name is a tag: 1.0, latest.
    const isTag = key.endsWith('ref.name') && !/[/:]/.test(text);
    const repository = isTag ? undefined : parseRepositoryName(`recovered/${named?.repository ?? plain ?? '?'}`);
    if (repository && repository !== recoveredImages) return { repository, tag: named?.reference.tag ?? version };
  }
  return undefined;
}
