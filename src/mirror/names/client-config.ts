/** The values for a client's configuration of this mirror. */
export interface MirrorPlace {
  /** `https://mirror.example.com` */
  readonly base: URL;
  /** Names of the upstreams. */
  readonly upstreams: readonly string[];
  /** The upstream for names without a host. */
  readonly fallback: string | undefined;
}

type Snippet = (place: MirrorPlace) => string;

/** The configuration of a mirror for each client: the file and its content. */
const snippets = {
  /** /etc/docker/daemon.json as it is: JSON has no comments, and dockerd refuses keys that it does not know. */
  docker({ base }) {
    return lines(JSON.stringify({ 'registry-mirrors': [base.origin] }, undefined, 2));
  },

  containerd({ base }) {
    const path = '# /etc/containerd/certs.d/_default/hosts.toml';
    const config = '# config.toml: [plugins."io.containerd.cri.v1.images".registry] config_path = "/etc/containerd/certs.d"';
    return lines(path, config, `[host."${base.origin}"]`, '  capabilities = ["pull", "resolve"]');
  },

  podman({ base, upstreams }) {
    const insecure = base.protocol === 'http:' ? ['insecure = true'] : [];
    const blocks = upstreams.flatMap((name) => [
      '',
      '[[registry]]',
      `prefix = "${name}"`,
      `location = "${name}"`,
      '[[registry.mirror]]',
      `location = "${base.host}/${name}"`,
      ...insecure,
    ]);
    return lines('# /etc/containers/registries.conf.d/mirror.conf', ...blocks);
  },

  buildkit({ base, upstreams }) {
    const plain = base.protocol === 'http:' ? ['', `[registry."${base.host}"]`, '  http = true'] : [];
    const blocks = upstreams.flatMap((name) => ['', `[registry."${name}"]`, `  mirrors = ["${base.host}/${name}"]`]);
    return lines('# /etc/buildkit/buildkitd.toml', ...blocks, ...plain);
  },

  k3s({ base }) {
    return lines('# /etc/rancher/k3s/registries.yaml', `mirrors: { "*": { endpoint: ["${base.origin}"] } }`);
  },

  kaniko({ base, upstreams }) {
    const map = upstreams.map((name) => `${name === 'docker.io' ? 'index.docker.io' : name}=${base.host}/${name}`).join(';');
    const insecure = base.protocol === 'http:' ? ` --insecure-registry=${base.host}` : '';
    return lines(`/kaniko/executor --registry-map="${map}"${insecure}`);
  },
} as const satisfies Readonly<Record<string, Snippet>>;

export type ClientName = keyof typeof snippets;

export const clientNames = Object.keys(snippets) as readonly ClientName[];

export function isClientName(text: string): text is ClientName {
  return Object.hasOwn(snippets, text);
}

/** Returns why the mirror is of no use to a client, and what to do about it; undefined where it is of use. */
export function obstacle(client: ClientName, { fallback }: Pick<MirrorPlace, 'fallback'>): string | undefined {
  if (client !== 'docker' || fallback === 'docker.io') return undefined;
  return 'this mirror has no mirror.default of docker.io, and dockerd asks mirrors for Docker Hub only: set mirror.default to docker.io';
}

/** Returns what to write into the client's configuration file; for `docker` JSON, for the others text with comments. */
export function clientConfig(client: ClientName, place: MirrorPlace): string {
  return snippets[client](place);
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
