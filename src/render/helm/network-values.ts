/** Whom the release may reach outside itself, and who may reach it: `networkPolicy` of values.yaml. */
import { said, section, type Tree } from '../compose/document.ts'

export function networkValues(): Tree {
  return section(
    'Everything is closed but for the arrows between tiers (tiers.<name>.calls) and these. Needs a network plugin that enforces policies.',
    {
      enabled: true,
      frontDoor: said('Who may call the gateway; [] is everyone that the cluster lets in.', []),
      monitoring: said('Where Prometheus is.', [namespace('monitoring')]),
      tracing: said('Where traces are taken.', [{ namespaceSelector: {} }]),
      dns: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
      internet: said(
        'For models and providers: no address of a private network, nor of a cloud’s metadata.',
        [
          {
            ipBlock: {
              cidr: '0.0.0.0/0',
              except: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '100.64.0.0/10'],
            },
          },
        ],
      ),
      mesh: said('Control planes, by routing.provider.', {
        istio: { to: [namespace('istio-system')], ports: [15010, 15012, 15014] },
        linkerd: { to: [namespace('linkerd')], ports: [8080, 8086, 8090] },
      }),
      extraEgress: [],
    },
  )
}

function namespace(name: string): Tree {
  return { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }
}
