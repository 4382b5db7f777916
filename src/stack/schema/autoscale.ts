/** `autoscale:` lets a tier's replicas follow the load, on Kubernetes. */
import { z } from 'zod'
import { cronProblem, timeZoneProblem } from '../cron.ts'
import { countField, durationField, numberField, textField } from './fields.ts'

const cron = () =>
  textField('a cron expression').superRefine((text, context) => {
    const problem = cronProblem(text)
    if (problem !== null) context.addIssue({ code: 'custom', message: problem })
  })

const scheduleWindow = z
  .strictObject({
    from: cron().describe('When it begins: a cron expression of five fields, such as 0 8 * * 1-5.'),
    to: cron().describe('When it ends, likewise.'),
    timezone: textField('the name of a time zone')
      .superRefine((name, context) => {
        const problem = timeZoneProblem(name)
        if (problem !== null) context.addIssue({ code: 'custom', message: problem })
      })
      .default('UTC')
      .describe('In which both are meant: Europe/Berlin.'),
    replicas: countField(1, 1000).describe('Replicas that there are in it at least.'),
  })
  .describe('A time window, and the replicas that it asks for.')

const shared = {
  min: countField(1, 1000).optional().describe('The fewest replicas. Default: replicas.'),
  max: countField(1, 1000).optional().describe('The most. Default: limits.replicas, else twice replicas.'),
  schedule: z
    .array(scheduleWindow, { error: 'expected a list of time windows' })
    .max(50, { error: 'expected at most 50 time windows' })
    .default([])
    .describe('Replicas by time of day, whatever the load.'),
}

const described = 'Replicas that follow the load, on Kubernetes.'

export const autoscaleSchema = z
  .strictObject({
    ...shared,
    target: numberField(0.1, 1_000_000)
      .optional()
      .describe(
        'Of the tier’s metric, an average a replica: requests running and waiting, or documents that wait. Default: the catalogue’s.',
      ),
  })
  .describe(described)

/** The gateway's: its metric is a time. */
export const latencyAutoscaleSchema = z
  .strictObject({
    ...shared,
    target: durationField()
      .optional()
      .describe(
        'P95 of the time that queries spend in the gateway itself, above which there are to be more. Default: the catalogue’s.',
      ),
  })
  .describe(described)

export type AutoscaleShape = z.output<typeof autoscaleSchema> | z.output<typeof latencyAutoscaleSchema>
