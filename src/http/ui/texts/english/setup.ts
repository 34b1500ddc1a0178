/** The set-up of clients. */
export const setup = {
  setup: {
    title: 'Set up clients',
    intro: 'Clients that use this server as a mirror pull images of other registries through it. Each image is fetched once.',
    client: 'Client',
    show: 'Show',
    file: 'Configuration',
    upstreams: 'Registries that this server mirrors',
    pullThrough: 'Without any configuration of a client, put the address of this server before the name of an image:',
    login: 'Sign in on the command line',
    loginHelp: 'The password is an access token, or your own password:',
    upstream: 'Registry',
    example: 'Example',
    names: {
      docker: 'Docker (/etc/docker/daemon.json, Docker Hub only)',
      containerd: 'containerd, Kubernetes',
      podman: 'Podman, Buildah, CRI-O',
      buildkit: 'BuildKit',
      k3s: 'k3s, RKE2',
      kaniko: 'kaniko',
    },
  },
};
