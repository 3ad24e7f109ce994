"""What is made of logs of real radios: datasets of ranges, links and runs, and the page about them."""
