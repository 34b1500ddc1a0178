import { mediaTypes } from '../../src/oci/media-types.ts';
import { type Server, type TestDescriptor, descriptor } from './images.ts';
import { configType, pushBlobAsAdmin, pushLayers, pushManifestAsAdmin } from './layered-image.ts';
import { tar } from './tar.ts';

/** Artifacts as cosign, notation, buildx and oras attach them to images. */

const empty = '{}';

export const spdx = (names: readonly string[]) => ({
  spdxVersion: 'SPDX-2.3',
  packages: names.map((name) => ({
    name,
    versionInfo: '1.0',
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'MIT',
    externalRefs: [{ referenceType: 'purl', referenceLocator: `pkg:deb/debian/${name}@1.0` }],
  })),
});

export const cycloneDx = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  components: [
    {
      type: 'library',
      group: '@scope',
      name: 'left-pad',
      version: '1.3.0',
      licenses: [{ license: { id: 'WTFPL' } }],
      purl: 'pkg:npm/left-pad@1.3.0',
    },
    { type: 'file', name: '/etc/passwd' },
    { type: 'library', name: 'outer', components: [{ type: 'library', name: 'inner', version: '2' }] },
  ],
};

/** Provenance as BuildKit writes it (SLSA 0.2). */
export const buildkitProvenance = {
  builder: { id: 'https://github.com/team/app/actions/runs/1' },
  buildType: 'https://mobyproject.org/buildkit@v1',
  materials: [{ uri: 'pkg:docker/debian@13', digest: { sha256: '11' } }],
  metadata: {
    'https://mobyproject.org/buildkit@v1#metadata': { vcs: { source: 'https://git.example/team/app', revision: 'c0ffee' } },
  },
};

/** Returns an in-toto statement. */
export function statement(predicateType: string, predicate: unknown) {
  return { _type: 'https://in-toto.io/Statement/v0.1', subject: [], predicateType, predicate };
}

/** Returns an envelope (DSSE) of a document. */
export function envelope(document: unknown) {
  const payload = Buffer.from(JSON.stringify(document)).toString('base64');
  return { payloadType: 'application/vnd.in-toto+json', payload, signatures: [{ keyid: '', sig: 'AA==' }] };
}

interface Part {
  readonly content: unknown;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface ArtifactOptions {
  readonly tag?: string;
  readonly artifactType?: string;
  readonly subject?: TestDescriptor;
  readonly configMediaType?: string;
}

/** Pushes an artifact of the parts as the admin. */
export async function pushArtifact(
  server: Server,
  repository: string,
  parts: readonly Part[],
  { tag, artifactType, subject, configMediaType = 'application/vnd.oci.empty.v1+json' }: ArtifactOptions,
): Promise<TestDescriptor> {
  const layers = [];
  for (const { content, mediaType, annotations } of parts) {
    const bytes = typeof content === 'string' ? content : JSON.stringify(content);
    await pushBlobAsAdmin(server, repository, bytes);
    layers.push({ ...descriptor(bytes, mediaType), ...(annotations && { annotations }) });
  }
  await pushBlobAsAdmin(server, repository, empty);
  return pushManifestAsAdmin(server, repository, tag, {
    ...(artifactType === undefined ? {} : { artifactType }),
    config: descriptor(empty, configMediaType),
    layers,
    ...(subject && { subject }),
  });
}

const fallback = ({ digest }: { readonly digest: string }, suffix: string) => `${digest.replace(':', '-')}${suffix}`;

/** Pushes an image, and what cosign 2 and 3, notation and oras attach to it. Returns the digest of the image. */
export async function pushSigned(server: Server, repository: string, tag: string): Promise<string> {
  const subject = await pushLayers(server, repository, tag, [tar({ [`etc/${tag}`]: repository })]);
  const push = (part: Part, options: ArtifactOptions) => pushArtifact(server, repository, [part], options);
  await push(
    { content: { critical: {} }, mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json' },
    { tag: fallback(subject, '.sig'), configMediaType: configType },
  );
  await push(
    {
      content: envelope(statement('https://spdx.dev/Document', { Data: JSON.stringify(spdx(['zlib'])) })),
      mediaType: 'application/vnd.dsse.envelope.v1+json',
      annotations: { predicateType: 'https://spdx.dev/Document' },
    },
    { tag: fallback(subject, '.att'), configMediaType: configType },
  );
  await push(
    {
      content: {
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        dsseEnvelope: envelope(
          statement('https://slsa.dev/provenance/v1', {
            buildDefinition: {
              buildType: 'https://actions.github.io/buildtypes/workflow/v1',
              externalParameters: { workflow: { repository: 'https://git.example/team/app' } },
              resolvedDependencies: [
                { uri: 'git+https://git.example/team/app@refs/heads/main', digest: { gitCommit: 'abc123' } },
              ],
            },
            runDetails: { builder: { id: 'https://github.com/actions/runner' } },
          }),
        ),
      },
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      annotations: { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' },
    },
    { subject, artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' },
  );
  await push(
    { content: 'e30.e30.AA', mediaType: 'application/jose+json' },
    { subject, artifactType: 'application/vnd.cncf.notary.signature' },
  );
  await push(
    { content: cycloneDx, mediaType: 'application/vnd.cyclonedx+json' },
    { subject, artifactType: 'application/vnd.cyclonedx+json' },
  );
  await push({ content: 'hello', mediaType: 'text/plain' }, { subject, artifactType: 'application/vnd.example.report' });
  return subject.digest;
}

/** Pushes an index as buildx makes it: an image, and its attestations as `unknown/unknown`. Returns the digest of the image. */
export async function pushBuildxIndex(
  server: Server,
  repository: string,
  tag: string,
  packages: readonly string[],
): Promise<string> {
  const image = await pushLayers(server, repository, undefined, [tar({ etc: tag })]);
  const types = ['https://spdx.dev/Document', 'https://slsa.dev/provenance/v0.2'];
  const parts = [spdx(packages), buildkitProvenance].map((predicate, place) => ({
    content: statement(types[place] ?? '', predicate),
    mediaType: 'application/vnd.in-toto+json',
    annotations: { 'in-toto.io/predicate-type': types[place] ?? '' },
  }));
  const attestation = await pushArtifact(server, repository, parts, { configMediaType: configType });
  await pushManifestAsAdmin(server, repository, tag, {
    mediaType: mediaTypes.ociIndex,
    manifests: [
      { ...image, platform: { os: 'linux', architecture: 'amd64' } },
      {
        ...attestation,
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': image.digest },
      },
    ],
  });
  return image.digest;
}
