"""The schemes of the paper: integrated and step-by-step, their schedules over slots and their best splits."""
