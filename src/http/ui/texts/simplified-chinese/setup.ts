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
    check: {
      title: '测试客户端',
      help: '一次性镜像可显示客户端是否使用了本服务器，不会请求其他镜像仓库。',
      begin: '开始测试',
      look: '再次查看',
      waiting: '正在等待客户端：请在 15 分钟内运行以下任一命令，然后再次查看。',
      ended: '该测试已结束，请重新开始。',
      throughMirror: '通过客户端配置的镜像加速器：',
      direct: '使用本服务器的名称：',
      used: (client, address) => `来自 ${address} 的 ${client} 已使用本服务器`,
      unknown: '某客户端',
      directly: '使用服务器名称',
      asMirror: (upstream) => `作为 ${upstream} 的加速器`,
    },
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
