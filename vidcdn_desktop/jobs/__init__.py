"""Publishing as a job: plan, steps, states and results."""
