import { dockerHub } from '../../upstream/upstream.ts';

/** The values for a client's configuration of this mirror. */
export interface MirrorPlace {
  /** `https://mirror.example.com` */
  readonly base: URL;
  /** Names of the upstreams. */
  readonly upstreams: readonly string[];
  /** The upstream for names without a host. */
  readonly fallback: string | undefined;
  /** True if clients have to be given the certificate of the authority that issued the server's. */
  readonly hasAuthority: boolean;
  /** The only upstream that the client shall pull through this mirror; undefined: all of them. */
  readonly only?: string | undefined;
}

export const clientNames = ['docker', 'containerd', 'podman', 'buildkit', 'k3s', 'kaniko'] as const;

export type ClientName = (typeof clientNames)[number];

/** Where each client looks for the certificate of a private authority, by the host and port of this server. */
export const authorityFiles: Readonly<Record<ClientName, (host: string) => string>> = {
  docker: (host) => `/etc/docker/certs.d/${host}/ca.crt`,
  containerd: (host) => `/etc/containerd/certs.d/${host}/ca.crt`,
  podman: (host) => `/etc/containers/certs.d/${host}/ca.crt`,
  buildkit: () => '/etc/buildkit/berth-ca.crt',
  k3s: () => '/etc/rancher/k3s/berth-ca.crt',
  kaniko: () => '/kaniko/ssl/certs/berth-ca.crt',
};

/** The configuration of a mirror for each client: the file and its content. */
const snippets: Readonly<Record<ClientName, (place: MirrorPlace) => string>> = {
  /** /etc/docker/daemon.json as it is: JSON has no comments, and dockerd refuses keys that it does not know. */
  docker({ base }) {
    return lines(JSON.stringify({ 'registry-mirrors': [base.origin] }, undefined, 2));
  },

  containerd({ base, only, hasAuthority }) {
    const path = `# /etc/containerd/certs.d/${only ?? '_default'}/hosts.toml`;
    const config = '# config.toml: [plugins."io.containerd.cri.v1.images".registry] config_path = "/etc/containerd/certs.d"';
    const server = only === undefined ? [] : [`server = "https://${only === dockerHub ? 'registry-1.docker.io' : only}"`];
    const authority = hasAuthority ? [`  ca = "${authorityFiles.containerd(base.host)}"`] : [];
    return lines(path, config, ...server, `[host."${base.origin}"]`, '  capabilities = ["pull", "resolve"]', ...authority);
  },

  podman(place) {
    const { base } = place;
    const insecure = base.protocol === 'http:' ? ['insecure = true'] : [];
    const blocks = chosen(place).flatMap((name) => [
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

  buildkit(place) {
    const { base, hasAuthority } = place;
    const plain = base.protocol === 'http:' ? ['  http = true'] : [];
    const authority = hasAuthority ? [`  ca = ["${authorityFiles.buildkit(base.host)}"]`] : [];
    const settings = [...plain, ...authority];
    const own = settings.length === 0 ? [] : ['', `[registry."${base.host}"]`, ...settings];
    const blocks = chosen(place).flatMap((name) => ['', `[registry."${name}"]`, `  mirrors = ["${base.host}/${name}"]`]);
    return lines('# /etc/buildkit/buildkitd.toml', ...blocks, ...own);
  },

  k3s({ base, only = '*', hasAuthority }) {
    const file = authorityFiles.k3s(base.host);
    const authority = hasAuthority ? [`configs: { "${base.host}": { tls: { ca_file: "${file}" } } }`] : [];
    return lines('# /etc/rancher/k3s/registries.yaml', `mirrors: { "${only}": { endpoint: ["${base.origin}"] } }`, ...authority);
  },

  kaniko(place) {
    const { base, hasAuthority } = place;
    const map = chosen(place)
      .map((name) => `${name === dockerHub ? 'index.docker.io' : name}=${base.host}/${name}`)
      .join(';');
    const insecure = base.protocol === 'http:' ? ` --insecure-registry=${base.host}` : '';
    const authority = hasAuthority ? ` --registry-certificate=${base.host}=${authorityFiles.kaniko(base.host)}` : '';
    return lines(`/kaniko/executor --registry-map="${map}"${insecure}${authority}`);
  },
};

export function isClientName(text: string): text is ClientName {
  return clientNames.some((name) => name === text);
}

/**
 * Why the mirror is of no use to a client. `only_docker_hub`: its configuration leads to mirrors for Docker Hub alone.
 * `no_default`: the mirror does not take names without a host for names of Docker Hub.
 */
export type Obstacle = 'only_docker_hub' | 'no_default';

/** Returns why the mirror is of no use to a client; undefined where it is of use. */
export function obstacle(client: ClientName, { fallback, only }: Pick<MirrorPlace, 'fallback' | 'only'>): Obstacle | undefined {
  if (client !== 'docker') return undefined;
  if (only !== undefined && only !== dockerHub) return 'only_docker_hub';
  return fallback === dockerHub ? undefined : 'no_default';
}

/** Returns what to write into the client's configuration file; for `docker` JSON, for the others text with comments. */
export function clientConfig(client: ClientName, place: MirrorPlace): string {
  return snippets[client](place);
}

function chosen({ upstreams, only }: MirrorPlace): readonly string[] {
  return only === undefined ? upstreams : upstreams.filter((name) => name === only);
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
