import type { setup as english } from '../english/setup.ts';

export const setup: typeof english = {
  setup: {
    title: '客户端设置',
    intro: '把本服务器设为镜像加速器后，客户端通过它拉取其他仓库的镜像，每个镜像只从上游获取一次。',
    client: '客户端',
    show: '显示',
    file: '配置',
    upstreams: '本服务器加速的镜像仓库',
    pullThrough: '不修改客户端配置时，在镜像名称前加上本服务器的地址即可：',
    login: '在命令行登录',
    loginHelp: '密码为访问令牌或您自己的密码：',
    upstream: '镜像仓库',
    example: '示例',
    names: {
      docker: 'Docker（/etc/docker/daemon.json，仅限 Docker Hub）',
      containerd: 'containerd、Kubernetes',
      podman: 'Podman、Buildah、CRI-O',
      buildkit: 'BuildKit',
      k3s: 'k3s、RKE2',
      kaniko: 'kaniko',
    },
  },
};
