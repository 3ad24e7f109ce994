# One record per point. The parameter of a job is one text that holds exactly what its points depend on.
# update() keeps what is there: the script itself leaves a record alone whose stamp still holds.

if CONFIGURATION.points_per_job == 1:

    rule solve_point:
        output:
            update(PLAN.in_results(POINT_PATTERN)),
        log:
            PLAN.in_results(POINT_LOG_PATTERN),
        conda:
            "../../envs/isal.yaml"
        params:
            point=lambda wildcards: point_of(wildcards).to_json(),
            stamp=lambda wildcards: point_of(wildcards).stamp,
        shell:
            'python "$ISAL_SCRIPTS/solve_points.py" --point {params.point:q} --output {output:q} > {log:q} 2>&1'

else:
    for shard, points in PLAN.shards.items():

        rule:
            name:
                f"solve_shard_{shard}"
            output:
                update([PLAN.in_results(path) for path in points]),
            log:
                PLAN.in_results(SHARD_LOG_PATTERN.format(shard=shard)),
            conda:
                "../../envs/isal.yaml"
            params:
                shard=shard,
                key=PLAN.shard_key(shard),
            shell:
                'python "$ISAL_SCRIPTS/solve_points.py" --plan "$ISAL_PLAN" --shard {params.shard} --key {params.key} > {log:q} 2>&1'
