# One record per point. The parameters of a job are texts that hold exactly what its points depend on.
# update() keeps what is there: the script itself leaves a record alone that still holds.

if CONFIGURATION.points_per_job == 1:

    rule solve_point:
        output:
            update(PLAN.record_path("{point}")),
        log:
            PLAN.record_log("{point}"),
        conda:
            "../../envs/isal.yaml"
        params:
            point=lambda wildcards: PLAN.points[wildcards.point].to_json(),
            fingerprint=lambda wildcards: PLAN.fingerprint(PLAN.points[wildcards.point]),
        shell:
            'python "$ISAL_SCRIPTS/solve_points.py" --point {params.point:q} --fingerprint {params.fingerprint} --output {output:q} > {log:q} 2>&1'

else:
    for shard in products.Shard.all(PLAN):

        rule:
            name:
                f"solve_shard_{shard.name}"
            output:
                update(shard.outputs),
            log:
                shard.log,
            conda:
                "../../envs/isal.yaml"
            params:
                shard=shard.name,
                fingerprint=shard.fingerprint,
            shell:
                'python "$ISAL_SCRIPTS/solve_points.py" --plan "$ISAL_PLAN" --shard {params.shard} --fingerprint {params.fingerprint} > {log:q} 2>&1'
