# The allocation problems behind a sample of all points, solved by every route.
# update() keeps what is there: jobs that solve leave alone what still holds.


rule compare_solvers:
    output:
        update(PLAN.agreement_path),
    log:
        f"{LOGS}/agreement.log",
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        key=PLAN.agreement_key(),
    shell:
        'python "$ISAL_SCRIPTS/compare_solvers.py" --plan "$ISAL_PLAN" > {log:q} 2>&1'


rule write_agreement:
    input:
        rules.compare_solvers.output,
    output:
        csv=PLAN.in_results("tables/solver_agreement.csv"),
        md=report(
            PLAN.in_results("tables/solver_agreement.md"),
            caption="../report/agreement.rst",
            category="Tables",
            labels={"study": "solver agreement"},
        ),
    log:
        f"{LOGS}/tables/solver_agreement.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        key=PLAN.agreement_table_key(),
    shell:
        'python "$ISAL_SCRIPTS/write_agreement.py" --dataset {input:q} --csv {output.csv:q} --md {output.md:q} > {log:q} 2>&1'
