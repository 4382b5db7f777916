/** A recommendation as GitHub-flavoured Markdown, for a pull request or a CI job's summary. */
import type { Recommendation } from '../capacity/types.ts'
import { escapeMarkdown } from './escape.ts'
import { duration, figure, rate, share } from './format.ts'
import { markdownTable } from './markdown.ts'
import {
  answer,
  basis,
  costText,
  countsText,
  hasCost,
  remarks,
  sloPrediction,
  tierRows,
  verified,
  verifiedSentence,
} from './recommendation-words.ts'

export function renderRecommendationMarkdown(recommendation: Recommendation): string {
  const { word, sentence } = answer(recommendation)
  const { bottleneck } = recommendation
  const found = verified(recommendation)
  const blocks = [
    `## ${escapeMarkdown(word)}: ${escapeMarkdown(sentence)}`,
    escapeMarkdown(basis(recommendation)),
    `Bottleneck: **${escapeMarkdown(bottleneck.tier)}**, which holds ${figure(bottleneck.capacity)} queries a second today. ${escapeMarkdown(bottleneck.because)}`,
    markdownTable(
      ['tier', 'now', 'then', 'a replica:', 'used:', 'bound by', 'confidence'],
      tierRows(recommendation).map(([tier, one]) => [
        tier,
        countsText(one.now),
        countsText(one.then),
        rate(one.capacityPerReplica),
        share(one.utilization),
        one.boundBy,
        one.confidence,
      ]),
    ),
    recommendation.slo.length === 0
      ? ''
      : markdownTable(
          ['SLO', 'limit:', 'predicted:', '95 % band:', ''],
          recommendation.slo.map((row) => {
            const { limit, predicted, band, state } = sloPrediction(row)
            return [row.on, limit, predicted, band, state]
          }),
        ),
    hasCost(recommendation) ? `Cost: ${escapeMarkdown(costText(recommendation))}` : '',
    remarks(recommendation)
      .map((remark) => `- ${escapeMarkdown(remark)}`)
      .join('\n'),
    tierRows(recommendation)
      .map(
        ([tier, one]) =>
          `<details><summary>Why: ${escapeMarkdown(tier)}</summary>\n\n${one.because.map((reason) => `- ${escapeMarkdown(reason)}`).join('\n')}\n\n</details>`,
      )
      .join('\n\n'),
    found === null ? '' : `**${escapeMarkdown(verifiedSentence(found))}**`,
    found === null || found.metrics.length === 0
      ? ''
      : markdownTable(
          ['', 'predicted:', '95 % band:', 'measured:'],
          found.metrics.map((row) => [
            row.on,
            duration(row.predictedMs),
            row.bandMs === null ? '–' : row.bandMs.map(duration).join(' to '),
            duration(row.measuredMs),
          ]),
        ),
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}
