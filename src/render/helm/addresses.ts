/**
 * Names inside the chart, as Helm-template text: the chart evaluates by `tpl` every configuration file, argument and
 * environment value that holds them, so that they follow the release's name and its values. Strings in them are
 * quoted by backquotes, which JSON, YAML and shells in double quotes leave as they are.
 *
 * What the templates of the chart promise (templates/helm/templates/_names.tpl), for a workload NAME:
 * - Service `<fullname>-NAME`: one address; `<fullname>-NAME-headless`: every ready replica's.
 * - of a workload with nodes also `<fullname>-NAME-peers`: headless, gives each pod (`<fullname>-NAME-0`) a name,
 *   ready or not, because members of a cluster look for each other before they are.
 */
import type { Addresses } from '../../catalog/container.ts'

const fullname = '{{ include `ragscale.fullname` . }}'

export const helmAddresses: Addresses = {
  // The balancer's port of the tier, or the tier's own Service where the values turn the balancer off (a mesh).
  url: (tier) => `{{ include \`ragscale.url\` (list . \`${tier}\`) }}`,
  host: (workload, port) => `${fullname}-${workload}:${port}`,
  // HOSTNAME is the pod's name: to be expanded by a shell, or by our own services in their configuration.
  peer: (node, port) =>
    node === 'own'
      ? `http://\${HOSTNAME}.${fullname}-vector-peers:${port}`
      : `http://${fullname}-vector-${node - 1}.${fullname}-vector-peers:${port}`,
}

/**
 * A name that resolves to the address of every ready replica of a workload, whole: nginx's resolver knows no search
 * domains. No port.
 */
export function replicasHost(workload: string): string {
  return `{{ include \`ragscale.replicas-host\` (list . \`${workload}\`) }}`
}

/** The cluster's DNS server, as a name that nginx resolves when it starts. */
export const clusterDns = '{{ .Values.cluster.dns }}'

/** What everything of a release is named after, as `ragscale.fullname` of the chart has it. */
export function fullnameOf(release: string): string {
  const name = release.includes('ragscale') ? release : `${release}-ragscale`
  return name.slice(0, 30).replace(/-$/, '')
}
