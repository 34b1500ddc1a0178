/** What is unusual in a store of another registry, by kind. Each sentence continues a path of the store. */
export const oddities = {
  'empty-link': 'is empty: a server has stopped while it wrote the link',
  'damaged-link': 'holds no digest',
  'link-with-line-break': 'ends with a line break',
  'unknown-digest': 'is named after a digest that berth does not compute',
  'refused-name': 'belongs to a repository with a name that berth refuses',
  'refused-tag': 'belongs to a tag with a name that berth refuses',
  'tag-without-current': 'is missing: the tag was deleted, or a server has stopped while it wrote the tag',
  'tag-without-manifest': 'points at a manifest that the repository does not have',
  'moved-tag': 'was moved in berth, too: the later move counts',
  'missing-manifest': 'leads to a manifest that is not in the store',
  'damaged-manifest': 'leads to bytes with another digest',
  'invalid-manifest': 'leads to a manifest that berth refuses',
  'schema-1': 'leads to a schema 1 manifest, which berth does not serve',
  'no-media-type': 'leads to a manifest without a media type, which follows from its fields',
  'index-of-layers': 'leads to an index of layers: a build cache',
  'damaged-blob': 'does not have the bytes of its digest',
  'missing-blob': 'leads to no blob: the store does not have it',
  'missing-content': 'names content that the repository does not have',
  'wrong-size': 'names content with another size than that in the store',
  'unfinished-upload': 'is an upload that was never finished',
  'folder-marker': 'is an empty object that some S3 tools make for a folder',
  symlink: 'is a symbolic link, which berth does not follow',
  'foreign-file': 'is no file of a registry',
  'pushed-repository': 'belongs to a repository that was pushed to berth, and gets no mirrored content',
  'proxy-cache': 'belongs to a pull-through cache: its content is adopted as described',
  'database-of-gitlab': 'says that a GitLab registry has its metadata in a database: the links are old or missing',
  'no-tags': 'has manifests and no tag at all, as with Harbor 2.15 or newer: copy the tags with berth sync',
} as const;

export type OddityKind = keyof typeof oddities;

/** Something unusual at a path of the store. Never a reason to stop. */
export interface Oddity {
  readonly path: string;
  readonly kind: OddityKind;
  /** What the kind does not say, such as the digests in question; may be empty. */
  readonly detail: string;
}
