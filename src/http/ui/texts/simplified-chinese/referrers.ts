import type { referrers as english } from '../english/referrers.ts';

export const referrers: typeof english = {
  referrers: {
    none: '没有属于该镜像的签名、SBOM 或其他制品。',
    caption: '该镜像的签名、SBOM 及其他制品',
    kind: '种类',
    kinds: {
      signature: '签名',
      sbom: 'SBOM',
      provenance: '来源证明',
      attestation: '证明',
      artifact: '制品',
    },
    notVerified: '存在，未验证',
    foundBy: '关联方式',
    ways: { subject: 'subject 字段', index: '镜像索引（buildx）' },
    documents: '文档',
    all: '该镜像的全部制品',
    unread: '无法显示该文档：',
    other: '此页面只显示 SBOM 和来源证明。该证明属于其他类型。',
    license: '许可证',
    purl: 'Package URL',
    more: '（文档中还有更多）',
    builder: '构建者',
    buildType: '构建类型',
    source: '源代码',
    commit: '提交',
    notStated: '未注明',
    materials: '构建所用内容',
  },
};
