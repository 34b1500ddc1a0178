/** Media types of manifests and of layers that a registry need not hold (image-spec, media-types.md; Docker schema 2). */
export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  /** Withdrawn before image-spec 1.1, still pushed by clients of that time. */
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;
const nonDistributable = /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/;

/** True for the media types of manifests, schema 1 included. */
export function isManifestType(mediaType: string): boolean {
  return isSchema1(mediaType) || (Object.values(mediaTypes) as string[]).includes(mediaType);
}

export function isSchema1(mediaType: string): boolean {
  return schema1.test(mediaType);
}

/** Layers that a registry may refuse to hold: the manifest says where else they are. */
export function isNonDistributable(mediaType: string): boolean {
  return nonDistributable.test(mediaType);
}

const imageConfigs = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'];

/** Returns what a manifest is for people: an index of several, an image to run, or another artifact (a chart, a signature). */
export function kindOfManifest(mediaType: string, artifactType: string | null): 'index' | 'image' | 'artifact' {
  if (mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList) return 'index';
  return artifactType === null || imageConfigs.includes(artifactType) ? 'image' : 'artifact';
}
